#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/formats/outline.h"

namespace lorae::data {

/// Lengths of runs, the first of zeros, down the columns one after the other, from COCO's text: six
/// bits a character, the difference to the length before the last from the third on.
/// Nothing for text that is none. Source: the COCO API, maskApi.c (BSD).
std::optional<std::vector<std::int64_t>> rle_counts(std::string_view text);

/// The text of such lengths.
std::string rle_text(const std::vector<std::int64_t>& counts);

/// The pixels; nothing unless the lengths are those of a picture of this size.
std::optional<Pixels> rle_pixels(const std::vector<std::int64_t>& counts,
                                 std::int64_t height,
                                 std::int64_t width);

std::vector<std::int64_t> counts_of(const Pixels& pixels);

}  // namespace lorae::data
