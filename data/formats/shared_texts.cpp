#include "data/formats/shared_texts.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace lorae::data {

std::uint32_t small(std::size_t value) {
  check(value <= std::numeric_limits<std::uint32_t>::max(), ErrorCode::kInvalidConfig,
        "[data] the set has more objects or longer names than an index holds");
  return static_cast<std::uint32_t>(value);
}

std::uint32_t SharedTexts::number(std::string_view text) {
  for (std::size_t i = numbers_.size(); i < texts_.size(); ++i) {
    numbers_.emplace(texts_[i], small(i));
  }
  const auto place = numbers_.find(text);
  if (place != numbers_.end()) {
    return place->second;
  }
  const std::uint32_t number = small(texts_.size());
  numbers_.emplace(text, number);
  texts_.emplace_back(text);
  return number;
}

std::string SharedTexts::from(std::uint32_t first) const {
  std::string all;
  for (std::size_t i = first; i < texts_.size(); ++i) {
    all += texts_[i];
    all += '\0';
  }
  return all;
}

bool SharedTexts::add_all(std::string_view texts, std::uint64_t most) {
  if (!texts.empty() && texts.back() != '\0') {
    return false;
  }
  if (static_cast<std::uint64_t>(std::ranges::count(texts, '\0')) > most) {
    return false;
  }
  while (!texts.empty()) {
    const std::string_view text = texts.substr(0, texts.find('\0'));
    texts_.emplace_back(text);
    texts.remove_prefix(text.size() + 1);
  }
  return true;
}

PackedPath SharedTexts::packed(std::string_view path, Names& names) {
  const std::size_t slash = path.rfind('/');
  const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
  const std::string_view name = path.substr(begin);
  const PackedPath packed{number(path.substr(0, begin)), small(names.size())};
  names.insert(names.end(), name.begin(), name.end());
  names.push_back('\0');
  return packed;
}

std::string SharedTexts::path(PackedPath path, const Names& names) const {
  std::string text = at(path.folder);
  text += packed_name(path, names);
  return text;
}

}  // namespace lorae::data
