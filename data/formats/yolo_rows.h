#pragma once

#include <cstdint>
#include <string_view>

#include "data/formats/catalogue.h"

namespace lorae::data {

/// The rows of a YOLO label file: "class cx cy w h" is a box, "class x1 y1 x2 y2 x3 y3 ..." a
/// polygon, all in fractions of the upright picture. What passes the picture's border is cut there.
/// `file`: for problems.
void read_yolo_rows(std::string_view text,
                    const std::filesystem::path& file,
                    std::int64_t classes,
                    Labelled& to);

}  // namespace lorae::data
