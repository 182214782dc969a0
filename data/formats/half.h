#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/formats/catalogue.h"
#include "data/formats/items.h"
#include "data/formats/open_options.h"

namespace lorae::data {

/// One half of a set as a format finds it: what pictures there are, and how their labels are read.
struct Half {
  std::vector<std::string> classes;
  Annotation annotation = Annotation::kBoxes;  ///< kOutlines is told by the labels themselves
  Items items;
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

/// Reads all labels and the heads of all pictures, by as many threads as there are cores. `take`,
/// where it is given, gets the catalogue piece by piece, and the result has none.
Known read_half(const Half& half, const std::function<void(const Catalogue&)>& take = {});

/// Acts as `damaged` says. kRefuse: throws the first problem for which a picture would be left out.
/// Warns, once for each set, of pictures and objects that are left out: how many, the first three.
/// Errors: BadData; also if no picture is left.
void act_on(const Known& known, Damaged damaged, const std::filesystem::path& root);

}  // namespace lorae::data
