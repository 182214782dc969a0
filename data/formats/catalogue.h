#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "data/formats/problem.h"
#include "data/objects.h"

namespace lorae::data {

/// One picture as a format's files tell of it.
struct Labelled {
  std::filesystem::path picture;
  std::filesystem::path mask;  ///< empty if the set has none
  std::string domain;
  PictureSize size;  ///< 0 x 0: not known without decoding
  std::vector<Object> objects;
  std::vector<Problem> problems;

  /// False, and nothing is added, for an object that it has.
  bool add(Object object);
  void complain(Flaw flaw, const std::filesystem::path& file, std::int64_t line, std::string what) {
    problems.push_back({flaw, file, line, std::move(what)});
  }

 private:
  std::unordered_multimap<std::size_t, std::size_t> places_;  // digests of objects
};

/// The pictures of one half of a set, their sizes and labels, packed: of 100,000 pictures with
/// seven boxes each some 25 MB. Boxes and polygons, which lie in the picture, are kept as parts of
/// 2^31 of its sides: numbers of files can be told from them again.
class Catalogue {
 public:
  void add(const Labelled& picture);
  /// Makes room for so many pictures in all, if the others are as those that it has.
  void expect(std::int64_t pictures);

  std::int64_t size() const { return std::ssize(pictures_); }
  std::filesystem::path picture(std::int64_t index) const;
  std::filesystem::path mask(std::int64_t index) const;
  std::string domain(std::int64_t index) const;
  PictureSize picture_size(std::int64_t index) const;
  std::vector<Object> objects(std::int64_t index) const;
  /// The class of most objects, the one with the larger area of two; -1 if there is none.
  std::int64_t label(std::int64_t index) const { return at(index).label; }
  bool has_polygons() const { return !polygon_ends_.empty(); }

  /// Everything as bytes: pieces of this catalogue and of `front`, which it fills.
  std::vector<ByteView> pieces(std::string& front) const;
  /// Reads them back by `take`, which fills what it is given, or is false at the end of `bytes`
  /// bytes. Errors (false): bytes that are no catalogue.
  bool read(const std::function<bool(std::span<std::byte>)>& take, std::uint64_t bytes);

 private:
  /// A path: its folder and where its name begins in `names_`.
  struct File {
    std::uint32_t folder = 0;
    std::uint32_t name = 0;
  };
  struct Picture {
    File picture, mask;
    std::uint32_t domain = 0;
    std::int32_t height = 0, width = 0;
    std::int32_t label = -1;
    std::uint32_t objects_end = 0;
  };
  struct Place {
    std::uint32_t x = 0, y = 0;
  };
  struct Thing {
    Place first, last;  ///< corners of the box
    std::uint32_t label : 31 = 0;
    std::uint32_t ignored : 1 = 0;
    std::uint32_t polygons_end = 0;
  };

  const Picture& at(std::int64_t index) const {
    return pictures_.at(static_cast<std::size_t>(index));
  }
  File kept(const std::filesystem::path& path);
  std::filesystem::path path_of(File file) const;
  std::uint32_t folder_number(const std::string& folder);
  static Place place_of(Point point);
  static Point point_of(Place place);
  bool sound() const;

  std::vector<Picture> pictures_;
  std::vector<Thing> things_;
  std::vector<std::uint32_t> polygon_ends_;
  std::vector<Place> places_;
  std::vector<char> names_;           // each ended by a zero
  std::vector<std::string> folders_;  // and domains
  std::map<std::string, std::uint32_t> numbers_;
};

/// The class of most objects, of two the one with the larger area; -1 if there is none.
std::int64_t main_class(const std::vector<Object>& objects);

}  // namespace lorae::data
