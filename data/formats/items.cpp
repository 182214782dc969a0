#include "data/formats/items.h"

#include <algorithm>

namespace lorae::data {

void Items::add(const Item& item) {
  items_.push_back({.picture = shared_.packed(item.picture, names_),
                    .label = shared_.packed(item.label, names_),
                    .domain = shared_.number(item.domain),
                    .number = small(static_cast<std::size_t>(item.number))});
}

Item Items::at(std::int64_t index) const {
  const Packed& item = items_.at(static_cast<std::size_t>(index));
  return {.picture = shared_.path(item.picture, names_),
          .label = shared_.path(item.label, names_),
          .domain = shared_.at(item.domain),
          .number = item.number};
}

void Items::expect(std::size_t more, std::size_t bytes) {
  if (more > items_.size()) {  // doubled at the end they would take twice
    items_.reserve(items_.size() + more);
    names_.reserve(names_.size() + bytes);
  }
}

bool Items::before(const Packed& a, const Packed& b) const {
  return a.picture.folder == b.picture.folder
             ? packed_name(a.picture, names_) < packed_name(b.picture, names_)
             : shared_.path(a.picture, names_) < shared_.path(b.picture, names_);
}

void Items::sort() {
  const auto in_order = [this](const Packed& a, const Packed& b) { return before(a, b); };
  std::ranges::stable_sort(items_, in_order);
  const auto same = [this](const Packed& a, const Packed& b) {
    return !before(a, b) && !before(b, a);
  };
  items_.erase(std::unique(items_.begin(), items_.end(), same), items_.end());
}

std::map<std::string_view, std::vector<std::string_view>> Items::labels_by_folder() const {
  std::map<std::string_view, std::vector<std::string_view>> folders;
  for (const Packed& item : items_) {
    folders[shared_.at(item.label.folder)].push_back(packed_name(item.label, names_));
  }
  for (auto& [folder, names] : folders) {
    std::ranges::sort(names);
  }
  return folders;
}

}  // namespace lorae::data
