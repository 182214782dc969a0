#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "data/formats/problem.h"
#include "data/formats/shared_texts.h"
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
///
/// It is kept in pieces of some pictures: nothing has to be copied when it grows, and an index is
/// written and read piece by piece.
class Catalogue {
 public:
  static constexpr std::int64_t kPiece = 1024;  ///< pictures

  void add(const Labelled& picture);

  std::int64_t size() const { return pieces_.empty() ? 0 : pieces_.back().end(); }
  std::filesystem::path picture(std::int64_t index) const;
  std::filesystem::path mask(std::int64_t index) const;
  std::string domain(std::int64_t index) const;
  PictureSize picture_size(std::int64_t index) const;
  std::vector<Object> objects(std::int64_t index) const;
  /// The class of most objects, the one with the larger area of two; -1 if there is none.
  std::int64_t label(std::int64_t index) const;
  bool has_polygons() const;

  /// The last piece as bytes, with what is shared and new since `clear`; views of this catalogue
  /// and of `front`, which it fills. Precondition: size() > 0.
  std::vector<ByteView> last_piece(std::string& front) const;
  /// Forgets all pictures: pieces of later ones stand behind those that were told.
  void clear();
  /// Adds a piece by `take`, which fills what it is given, or is false at the end of `bytes` bytes.
  /// Errors (false): bytes that are no piece.
  bool add_piece(const std::function<bool(std::span<std::byte>)>& take, std::uint64_t bytes);

 private:
  struct Picture {
    PackedPath picture, mask;
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
  };
  /// What the numbers of a piece point to lies in the same piece.
  struct Piece {
    std::int64_t begin = 0;  ///< the index of its first picture
    std::vector<Picture> pictures = {};
    std::vector<Thing> things = {};
    std::vector<std::uint32_t> outline_ends = {};  ///< of each thing; none if it has no polygon
    std::vector<std::uint32_t> polygon_ends = {};
    std::vector<Place> places = {};
    Names names = {};

    std::int64_t end() const { return begin + std::ssize(pictures); }
    std::vector<Object> objects(std::size_t picture) const;
  };
  struct Found {
    const Piece& piece;
    std::size_t place;

    const Picture& operator*() const { return piece.pictures[place]; }
  };

  Found at(std::int64_t index) const;
  static Place place_of(Point point);
  static Point point_of(Place place);
  bool sound(const Piece& piece) const;

  std::vector<Piece> pieces_;
  SharedTexts shared_;      // folders and domains
  std::uint32_t told_ = 0;  // how many of them there were at `clear`
};

/// The class of most objects, of two the one with the larger area; -1 if there is none.
std::int64_t main_class(const std::vector<Object>& objects);

}  // namespace lorae::data
