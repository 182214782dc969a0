#include "codec/int8.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace lorae::codec {
namespace {

constexpr float kSteps = 127.0F;

/// Maps a flat row-major index to its scale: index / stride % count.
struct Groups {
  std::size_t count = 1;
  std::size_t stride = 1;

  Groups(const Block& block, ScalePer scale_per) {
    if (scale_per == ScalePer::kTensor || block.row_axis < 0) {
      return;
    }
    const auto axis = static_cast<std::size_t>(block.row_axis);
    count = static_cast<std::size_t>(block.shape[axis]);
    for (std::size_t i = axis + 1; i < block.shape.size(); ++i) {
      stride *= static_cast<std::size_t>(block.shape[i]);
    }
  }

  std::size_t of(std::size_t index) const { return index / stride % count; }
};

std::vector<float> scales_of(const Block& block, const Groups& groups) {
  std::vector<float> scales(groups.count, 0.0F);
  for (std::size_t i = 0; i < block.values.size(); ++i) {
    const float magnitude = std::fabs(block.values[i]);
    // Written so that NaN fails too: every comparison with NaN is false.
    check(magnitude <= std::numeric_limits<float>::max(), ErrorCode::kInvalidArgument, "[int8] '",
          block.name, "': an element is ", block.values[i],
          "; did local training diverge? lower the learning rate");
    float& scale = scales[groups.of(i)];
    scale = std::max(scale, magnitude);
  }
  for (float& scale : scales) {
    scale /= kSteps;
    if (scale * kSteps > std::numeric_limits<float>::max()) {
      scale = std::nextafter(scale, 0.0F);  // rounded up: the largest step would overflow
    }
  }
  return scales;
}

}  // namespace

Bytes int8_encode(const Block& block, ScalePer scale_per) {
  const Groups groups(block, scale_per);
  const std::vector<float> scales = scales_of(block, groups);
  Bytes bytes = copy_of(bytes_of(std::span(scales)));
  const std::size_t header = bytes.size();
  bytes.resize(header + block.values.size());
  for (std::size_t i = 0; i < block.values.size(); ++i) {
    const float scale = scales[groups.of(i)];
    // A scale below the smallest normal number would make the quotient overflow: all zero then.
    const float steps = scale >= std::numeric_limits<float>::min()
                            ? std::nearbyintf(block.values[i] / scale)
                            : 0.0F;
    const auto q = static_cast<std::int8_t>(std::clamp(steps, -kSteps, kSteps));
    bytes[header + i] = std::bit_cast<std::byte>(q);
  }
  return bytes;
}

std::size_t int8_size(const Block& block, ScalePer scale_per) {
  return Groups(block, scale_per).count * sizeof(float) + block.values.size();
}

Result<bool> int8_decode(ByteView bytes, ScalePer scale_per, Block& block) {
  const Groups groups(block, scale_per);
  const std::size_t header = groups.count * sizeof(float);
  if (bytes.size() != header + block.values.size()) {
    return Error(ErrorCode::kCorruptData,
                 str("[int8] '", block.name, "': expected ", header + block.values.size(),
                     " bytes, got ", bytes.size()));
  }
  std::vector<float> scales(groups.count);
  if (header > 0) {  // memcpy takes no null pointers, even for no bytes
    std::memcpy(scales.data(), bytes.data(), header);
  }
  for (const float scale : scales) {
    if (!(scale >= 0.0F && scale * kSteps <= std::numeric_limits<float>::max())) {
      return Error(ErrorCode::kCorruptData,
                   str("[int8] '", block.name, "': the scale ", scale, " is not finite"));
    }
  }
  for (std::size_t i = 0; i < block.values.size(); ++i) {
    block.values[i] =
        scales[groups.of(i)] * static_cast<float>(std::bit_cast<std::int8_t>(bytes[header + i]));
  }
  return true;
}

}  // namespace lorae::codec
