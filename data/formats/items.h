#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "data/formats/shared_texts.h"

namespace lorae::data {

/// One picture and where its label is, before anything is read.
struct Item {
  std::string picture;
  std::string label;  ///< a file, which need not exist; or a mask
  std::string domain = {};
  std::int64_t number = 0;  ///< for `Half::read`: its place in a file of many labels
};

/// Items, packed: 100,000 of them in a few folders take some 8 MB, and 30 as texts.
class Items {
 public:
  void add(const Item& item);
  Item at(std::int64_t index) const;
  std::int64_t size() const { return std::ssize(items_); }
  bool empty() const { return items_.empty(); }

  /// Makes room for so many more, whose names and those of their labels have so many bytes.
  void expect(std::size_t more, std::size_t bytes);
  /// Sorts them by their pictures, and keeps the first of those with the same one.
  void sort();

  /// The folders that labels lie in, with a '/', and their names there, sorted; views of this.
  std::map<std::string_view, std::vector<std::string_view>> labels_by_folder() const;

 private:
  struct Packed {
    PackedPath picture, label;
    std::uint32_t domain = 0;
    std::uint32_t number = 0;
  };

  /// Whether the picture of one stands before that of the other, as texts.
  bool before(const Packed& a, const Packed& b) const;

  SharedTexts shared_;
  Names names_;
  std::vector<Packed> items_;
};

}  // namespace lorae::data
