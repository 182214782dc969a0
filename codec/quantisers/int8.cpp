#include "codec/quantisers/int8.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace lorae::codec {
namespace {

constexpr float kSteps = 127.0F;
constexpr float kLargest = std::numeric_limits<float>::max();

std::vector<float> scales_of(const BlockView& block, const Rows& rows) {
  std::vector<float> scales = magnitudes_of(block.values, rows);
  for (float& scale : scales) {
    if (!(scale <= kLargest)) {
      const auto bad = std::find_if_not(block.values.begin(), block.values.end(),
                                        [](float x) { return std::fabs(x) <= kLargest; });
      fail(ErrorCode::kInvalidArgument, "[int8] '", block.shape.name, "': an element is ", *bad,
           "; did local training diverge? lower the learning rate");
    }
    scale /= kSteps;
    if (scale * kSteps > kLargest) {
      scale = std::nextafter(scale, 0.0F);  // rounded up: the largest step would overflow
    }
  }
  return scales;
}

}  // namespace

void Int8::segments(const BlockShape& block, std::vector<Segment>& to) const {
  to.push_back({Segment::Kind::kBytes, Rows(block, scale_per).count, sizeof(float)});
  to.push_back({Segment::Kind::kSteps, block.numel(), row_length(block)});
}

void Int8::encode(const BlockView& block, Bytes& to) const {
  const Rows rows(block.shape, scale_per);
  const std::vector<float> scales = scales_of(block, rows);
  append(to, bytes_of(std::span<const float>(scales)));
  const std::size_t header = to.size();
  to.resize(header + block.values.size());
  quantise(block.values, rows, scales, steps_in(std::span(to).subspan(header)));
}

Result<bool> Int8::decode(ByteView bytes, Block& block) const {
  const Rows rows(block, scale_per);
  const std::size_t header = rows.count * sizeof(float);
  if (bytes.size() != header + block.values.size()) {
    return Error(ErrorCode::kCorruptData,
                 str("[int8] '", block.name, "': expected ", header + block.values.size(),
                     " bytes, got ", bytes.size()));
  }
  std::vector<float> scales(rows.count);
  if (header > 0) {  // memcpy takes no null pointers, even for no bytes
    std::memcpy(scales.data(), bytes.data(), header);
  }
  for (const float scale : scales) {
    if (!(scale >= 0.0F && scale * kSteps <= kLargest)) {
      return Error(ErrorCode::kCorruptData,
                   str("[int8] '", block.name, "': the scale ", scale, " is not finite"));
    }
  }
  dequantise(steps_in(bytes.subspan(header)), rows, scales, block.values);
  return true;
}

}  // namespace lorae::codec
