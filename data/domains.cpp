#include "data/domains.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "data/text_file.h"
#include "data/view.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

class WithDomains final : public View {
 public:
  WithDomains(DatasetPtr from, std::vector<std::string> domains)
      : View(std::move(from)), domains_(std::move(domains)) {}

  std::string domain(std::int64_t index) const override {
    return domains_.at(static_cast<std::size_t>(index));
  }
  const ImageSet* in_memory() const override { return from().in_memory(); }

 private:
  std::vector<std::string> domains_;
};

/// All that a cell may say of a picture.
std::vector<std::string> names_of(const std::string& picture) {
  const fs::path path(picture);
  return {picture, path.filename().string(), path.stem().string()};
}

}  // namespace

DatasetPtr with_domains(DatasetPtr from, std::vector<std::string> domains) {
  check(std::ssize(domains) == from->size(), ErrorCode::kInvalidArgument, "[data] expected ",
        from->size(), " domains, got ", domains.size());
  return std::make_shared<WithDomains>(std::move(from), std::move(domains));
}

DatasetPtr with_domains_of(const Dataset& from,
                           std::span<const std::int64_t> indices,
                           DatasetPtr to) {
  std::vector<std::string> domains;
  for (const std::int64_t index : indices) {
    domains.push_back(from.domain(index));
  }
  const bool known = std::ranges::any_of(domains, [](const auto& name) { return !name.empty(); });
  return known ? with_domains(std::move(to), std::move(domains)) : to;
}

std::vector<std::string> domains_of_csv(const Dataset& set,
                                        const fs::path& csv,
                                        const std::string& column) {
  const auto text = read_text(csv);
  check(text.ok(), ErrorCode::kInvalidConfig, "[data] cannot read '", csv.string(),
        "': ", text.ok() ? "" : text.error().what());
  const auto lines = lines_of(*text);
  const auto head =
      csv_cells(lines.empty() ? "" : lines.front()).value_or(std::vector<std::string>{});
  const auto place = std::ranges::find(head, column);
  check(place != head.end(), ErrorCode::kInvalidConfig, "[data] '", csv.string(),
        "' has no column ", shown(column), ": expected one of ", join(head));
  std::unordered_map<std::string, std::string> by_cell;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto cells = csv_cells(lines[i]);
    if (trimmed(lines[i]).empty()) {
      continue;
    }
    check(cells && cells->size() == head.size(), ErrorCode::kCorruptData, "[data] '", csv.string(),
          "':", i + 1, ": expected ", head.size(), " cells, as in its first line");
    const std::string& domain = (*cells)[static_cast<std::size_t>(place - head.begin())];
    for (const std::string& cell : *cells) {
      by_cell.emplace(cell, domain);
    }
  }
  std::vector<std::string> domains;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const std::vector<std::string> names = names_of(set.name(i));
    const auto name =
        std::ranges::find_if(names, [&](const auto& n) { return by_cell.contains(n); });
    check(name != names.end(), ErrorCode::kCorruptData, "[data] '", csv.string(),
          "' has no line for picture '", set.name(i), "'");
    domains.push_back(by_cell.at(*name));
  }
  return domains;
}

}  // namespace lorae::data
