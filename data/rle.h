#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/objects.h"

namespace lorae::data {

/// A mask as runs: pixels column by column, first some that are not of it, then some that are, and
/// so on. Source: the masks of COCO; its strings and its rules of drawing outlines are kept.
struct Rle {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<std::uint32_t> counts;  ///< their sum is height * width

  bool empty() const { return counts.empty(); }  ///< no mask at all; one of no pixels has counts
  bool operator==(const Rle&) const = default;
};

/// `pixels`: row by row; not 0 is of the mask. Errors: kInvalidArgument for another count of them.
Rle encode_rows(std::span<const std::uint8_t> pixels, std::int64_t height, std::int64_t width);
/// The same of pixels column by column.
Rle encode_columns(std::span<const std::uint8_t> pixels, std::int64_t height, std::int64_t width);
/// Row by row, 0 or 1.
std::vector<std::uint8_t> decode(const Rle& mask);

std::int64_t area(const Rle& mask);
std::int64_t intersection(const Rle& a, const Rle& b);
/// The smallest box around the mask in pixels; of no width or height if it is empty.
Box extent(const Rle& mask);
/// Pixels of any of them. Precondition: all of one size. Errors: kInvalidArgument for no mask.
Rle joined(std::span<const Rle> masks);

/// COCO's compressed text: 6 bits a character, from 48, differences to the count two before.
std::string to_text(const Rle& mask);
/// Errors (returned): kCorruptData for a text that is none, or whose runs do not fill the picture.
Result<Rle> from_text(std::string_view text, std::int64_t height, std::int64_t width);
/// Runs as a file lists them. Errors (returned): kCorruptData if they do not fill the picture.
Result<Rle> from_counts(std::span<const std::int64_t> counts,
                        std::int64_t height,
                        std::int64_t width);

}  // namespace lorae::data
