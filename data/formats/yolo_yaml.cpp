#include "data/formats/yolo_yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>
#include <set>

#include "data/text_file.h"

namespace lorae::data {
namespace {

constexpr std::int64_t kMostClasses = 100'000;

/// A place in the file that is not as expected.
struct Wrong {
  Flaw flaw;
  int line;
  std::string what;
};

[[noreturn]] void wrong(Flaw flaw, const YAML::Node& node, const std::string& what) {
  throw Wrong{flaw, node.Mark().line + 1, what};
}

std::string text_at(const YAML::Node& node, Flaw flaw, const std::string& what) {
  if (!node.IsScalar()) {
    wrong(flaw, node, what + ": expected a text");
  }
  return node.Scalar();
}

std::vector<std::string> paths_at(const YAML::Node& node, const std::string& key) {
  std::vector<std::string> paths;
  if (node.IsSequence()) {
    for (const YAML::Node& path : node) {
      paths.push_back(text_at(path, Flaw::kYamlBroken, key));
    }
  } else if (!node.IsNull()) {
    paths.push_back(text_at(node, Flaw::kYamlBroken, key));
  }
  return paths;
}

std::int64_t number_at(const YAML::Node& node, const std::string& what) {
  const auto number = number_of(text_at(node, Flaw::kYamlNames, what));
  if (!number || *number < 0 || *number >= kMostClasses ||
      *number != static_cast<double>(static_cast<std::int64_t>(*number))) {
    wrong(Flaw::kYamlNames, node,
          str(what, ": expected a whole number, got ", shown(node.Scalar())));
  }
  return static_cast<std::int64_t>(*number);
}

/// A list, or a map from numbers: 0 to its size, in any order.
std::vector<std::string> names_at(const YAML::Node& node) {
  if (node.IsSequence()) {
    std::vector<std::string> names;
    for (const YAML::Node& name : node) {
      names.push_back(text_at(name, Flaw::kYamlNames, "names"));
    }
    return names;
  }
  if (!node.IsMap()) {
    wrong(Flaw::kYamlNames, node, "names: expected a list, or a map from numbers to names");
  }
  std::vector<std::optional<std::string>> found(node.size());
  for (const auto& entry : node) {
    const YAML::Node &key = entry.first, &name = entry.second;
    const std::int64_t number = number_at(key, "names");
    if (number >= std::ssize(found) || found[static_cast<std::size_t>(number)]) {
      wrong(Flaw::kYamlNames, key,
            str("names: expected each number from 0 to ", found.size() - 1, " once, got ", number));
    }
    found[static_cast<std::size_t>(number)] = text_at(name, Flaw::kYamlNames, "names");
  }
  std::vector<std::string> names;
  names.reserve(found.size());
  for (auto& name : found) {
    names.push_back(std::move(*name));
  }
  return names;
}

void check_names(const YAML::Node& all, const std::vector<std::string>& names) {
  const YAML::Node node = all["names"];
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (name.empty() || !seen.insert(name).second) {
      wrong(Flaw::kYamlNames, node,
            str("names: ", shown(name), name.empty() ? " is no name" : " is there twice"));
    }
  }
  if (names.empty()) {
    wrong(Flaw::kYamlNames, node, "names: expected at least one class");
  }
  if (const YAML::Node count = all["nc"]; count && number_at(count, "nc") != std::ssize(names)) {
    wrong(Flaw::kYamlNames, count,
          str("nc: ", count.Scalar(), " classes, but ", names.size(), " names"));
  }
}

YoloYaml read_all(const YAML::Node& all) {
  if (!all.IsMap()) {
    wrong(Flaw::kYamlBroken, all, "expected keys with values: train, val and names");
  }
  YoloYaml yaml;
  if (const YAML::Node path = all["path"]; path && !path.IsNull()) {
    yaml.path = text_at(path, Flaw::kYamlBroken, "path");
  }
  for (const auto& [key, half] :
       {std::pair("train", "train"), {"val", "val"}, {"valid", "val"}, {"test", "test"}}) {
    if (const YAML::Node node = all[key]; node && yaml.halves[half].empty()) {
      yaml.halves[half] = paths_at(node, key);
    }
  }
  std::erase_if(yaml.halves, [](const auto& half) { return half.second.empty(); });
  if (yaml.halves.empty()) {
    wrong(Flaw::kYamlBroken, all, "expected a key 'train' or 'val'");
  }
  const YAML::Node names = all["names"];
  if (!names) {
    wrong(Flaw::kYamlNames, all, "expected a key 'names' with the names of the classes");
  }
  yaml.names = names_at(names);
  check_names(all, yaml.names);
  return yaml;
}

}  // namespace

Result<YoloYaml, BadData> parse_yolo_yaml(const std::string& text,
                                          const std::filesystem::path& file) {
  const auto bad = [&](Flaw flaw, std::int64_t line, const std::string& what) {
    const Problem problem{flaw, file, line, what};
    return BadData("[data] " + problem_text(problem), problem);
  };
  try {
    return read_all(YAML::Load(text));
  } catch (const Wrong& caught) {
    return bad(caught.flaw, std::max(caught.line, 0), caught.what);
  } catch (const YAML::Exception& error) {
    return bad(Flaw::kYamlBroken, std::max(error.mark.line + 1, 0), "no YAML: " + error.msg);
  }
}

}  // namespace lorae::data
