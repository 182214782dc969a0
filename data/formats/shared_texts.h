#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lorae::data {

/// A path, packed: what stands up to its last '/' is a text that many share, its name lies among
/// other names.
struct PackedPath {
  std::uint32_t folder = 0;  ///< the number of a shared text, with its '/'
  std::uint32_t name = 0;    ///< where the name begins
};

/// Names behind each other, each ended by a zero.
using Names = std::vector<char>;

/// Texts that many pictures share, each once: folders and domains.
class SharedTexts {
 public:
  std::uint32_t number(std::string_view text);
  const std::string& at(std::uint32_t number) const { return texts_[number]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(texts_.size()); }

  /// The texts from number `first` on, each ended by a zero; and the same back again, at most so
  /// many. False: there are more, or the last has another end.
  std::string from(std::uint32_t first) const;
  bool add_all(std::string_view texts, std::uint64_t most);

  /// No path may hold a zero. Errors: kInvalidConfig for more than 4 GB of names.
  PackedPath packed(std::string_view path, Names& names);
  std::string path(PackedPath path, const Names& names) const;

 private:
  std::vector<std::string> texts_;
  std::map<std::string, std::uint32_t, std::less<>> numbers_;  // of all, once one is asked for
};

inline std::string_view packed_name(PackedPath path, const Names& names) {
  return &names[path.name];
}

/// A count or a place as tables hold it. Errors: kInvalidConfig for more than 32 bits.
std::uint32_t small(std::size_t value);

}  // namespace lorae::data
