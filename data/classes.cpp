#include "data/classes.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace lorae::data {
namespace {

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string_view::npos
             ? std::string{}
             : std::string(text.substr(first, text.find_last_not_of(' ') - first + 1));
}

std::string quoted(const std::vector<std::string>& names) {
  std::vector<std::string> each;
  std::ranges::transform(names, std::back_inserter(each),
                         [](const std::string& name) { return str('\'', name, '\''); });
  return join(each);
}

/// Its place in `known`, if exactly one name is it.
std::optional<std::int64_t> place_of(const std::string& name,
                                     const std::vector<std::string>& known) {
  const auto exact = std::ranges::find(known, name);
  if (exact != known.end()) {
    return exact - known.begin();
  }
  const auto same = [&](const std::string& other) { return lower_case(other) == lower_case(name); };
  if (std::ranges::count_if(known, same) != 1) {
    return std::nullopt;
  }
  return std::ranges::find_if(known, same) - known.begin();
}

[[noreturn]] void fail_unknown(const std::string& name,
                               const std::vector<std::string>& own,
                               const std::vector<std::string>& known) {
  const std::string near = nearest(name, {known.begin(), known.end()});
  fail(ErrorCode::kInvalidConfig, "[data] class '", name, "' is none of the run's",
       near.empty() ? "" : str(" (nearest: '", near, "')"), ": the run has ", quoted(known),
       ", these images have ", quoted(own), "; rename the folder, or set class_map = \"", name, "=",
       near.empty() ? "NAME" : near, "\"");
}

}  // namespace

ClassMap parse_class_map(std::string_view text) {
  ClassMap map;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    const std::string_view entry = text.substr(start, end - start);
    const std::size_t equals = entry.find('=');
    const std::string own = trimmed(entry.substr(0, equals));
    const std::string name =
        equals == std::string_view::npos ? "" : trimmed(entry.substr(equals + 1));
    check(!own.empty() && !name.empty(), ErrorCode::kInvalidConfig,
          "class_map: expected OWN=NAME, joined by commas, got '", entry, "'");
    check(map.emplace(own, name).second, ErrorCode::kInvalidConfig, "class_map: '", own,
          "' comes twice");
    start = end + 1;
  }
  return map;
}

std::vector<std::int64_t> match_classes(const std::vector<std::string>& own,
                                        const std::vector<std::string>& known,
                                        const ClassMap& map) {
  for (const auto& [from, to] : map) {  // one map serves devices that hold different classes
    check(place_of(to, known).has_value(), ErrorCode::kInvalidConfig, "class_map: '", to,
          "' is no class of the run: it has ", quoted(known));
  }
  std::vector<std::int64_t> labels;
  for (const std::string& name : own) {
    auto mapped = map.find(name);
    if (mapped == map.end()) {
      mapped = std::ranges::find_if(
          map, [&](const auto& entry) { return lower_case(entry.first) == lower_case(name); });
    }
    const auto place = place_of(mapped == map.end() ? name : mapped->second, known);
    if (!place) {
      fail_unknown(name, own, known);
    }
    labels.push_back(*place);
  }
  return labels;
}

}  // namespace lorae::data
