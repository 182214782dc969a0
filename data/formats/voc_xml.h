#pragma once

#include <span>
#include <string>
#include <string_view>

#include "data/formats/catalogue.h"
#include "data/picture_head.h"

namespace lorae::data {

/// The objects of a PASCAL VOC annotation. Corners count from 1 and belong to the box, so a box
/// goes from (xmin - 1) / width to xmax / width; they may be fractions, in any order. What is
/// `difficult` is ignored. Parts of objects, poses and the like are not read.
/// `file`: for problems.
void read_voc_xml(std::string_view text,
                  const std::filesystem::path& file,
                  std::span<const std::string> classes,
                  const PictureHead& head,
                  Labelled& to);

}  // namespace lorae::data
