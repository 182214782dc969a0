#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "base/named.h"
#include "data/formats/catalogue.h"
#include "data/halves.h"

namespace lorae::data {

/// What becomes of pictures that cannot be decoded, and of labels that make no sense: an error, or
/// the others go on without them.
enum class Damaged { kRefuse, kSkip };

/// Which halves GlobalWheat2020 is read in.
enum class Halves {
  kHonest,  ///< tested on ethz_1, which is not trained on
  kPaper,   ///< tested on ethz_1, which is trained on, too: as the paper and its reference do
};

struct OpenOptions {
  Holding holding = Holding::kWhole;
  Damaged damaged = Damaged::kRefuse;
  Halves halves = Halves::kHonest;
  std::vector<std::string> names = {};  ///< of the classes, where the set does not say them
};

/// One picture and where its label is, before anything is read. Paths are texts: as
/// std::filesystem::path each would take half a kilobyte.
struct Item {
  std::string picture;
  std::string label;  ///< a file, which need not exist; or a mask
  std::string domain = {};
  std::int64_t number = 0;  ///< for `Half::read`: its place in a file of many labels
};

/// One half of a set as a format finds it: what pictures there are, and how their labels are read.
struct Half {
  std::vector<std::string> classes;
  Annotation annotation = Annotation::kBoxes;  ///< kOutlines is told by the labels themselves
  std::vector<Item> items;
  /// Reads the label of one. Called from several threads at once. `to` has its picture, domain and
  /// size. Problems go into `to`; what it throws refuses the set.
  std::function<void(const Item& item, const struct PictureHead& head, Labelled& to)> read;
  std::vector<Problem> problems = {};  ///< found beside the items
  /// Files and folders that were read to find the items: another index is made when one changes.
  std::vector<std::filesystem::path> sources = {};
};

/// A half with all its labels.
struct Known {
  std::vector<std::string> classes;
  Annotation annotation = Annotation::kBoxes;
  Catalogue catalogue;            ///< of the pictures without a problem of Weight::kPicture
  std::vector<Problem> problems;  ///< in the order of the pictures
  std::int64_t left_out = 0;      ///< pictures with a problem of Weight::kPicture
};

/// Reads all labels and the heads of all pictures, by as many threads as there are cores.
Known read_half(const Half& half);

/// Acts as `damaged` says. kRefuse: throws the first problem for which a picture would be left out.
/// Warns, once for each set, of pictures and objects that are left out: how many, the first three.
/// Errors: BadData; also if no picture is left.
void act_on(const Known& known, Damaged damaged, const std::filesystem::path& root);

}  // namespace lorae::data

namespace lorae {
template <>
inline constexpr std::array<std::string_view, 2> kNames<data::Damaged> = {"refuse", "skip"};
template <>
inline constexpr std::array<std::string_view, 2> kNames<data::Halves> = {"honest", "paper"};
}  // namespace lorae
