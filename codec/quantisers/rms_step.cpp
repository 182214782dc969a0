#include "codec/quantisers/rms_step.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "codec/quantisers/bfloat.h"

namespace lorae::codec {
namespace {

constexpr float kLargestStep = std::numeric_limits<float>::max() / kMostSteps;

double rms_of(std::span<const float> values) {
  const std::ptrdiff_t zeros = std::ranges::count(values, 0.0F);
  const std::ptrdiff_t others = std::ssize(values) - zeros;
  const Rows rows({{}, {std::ssize(values)}, -1}, ScalePer::kTensor);
  return others == 0
             ? 0.0
             : std::sqrt(squares_of(values, rows)[0] / static_cast<double>(others));
}

}  // namespace

std::uint16_t step_bits(double wanted, double least) {
  const double most = kLargestStep;
  auto step = static_cast<float>(std::min(std::max(wanted, least), most));
  std::uint16_t bits = bfloat_of(step);
  while (float_of_bfloat(bits) > kLargestStep) {
    --bits;
  }
  step = float_of_bfloat(bits);
  return step >= std::numeric_limits<float>::min() ? bits : std::uint16_t{0};
}

bool is_step(float step) {
  return step >= 0.0F && step <= kLargestStep;
}

void quantise_to_127(std::span<const float> values,
                     const Rows& rows,
                     const std::vector<float>& scales,
                     std::span<std::int8_t> steps) {
  quantise(values, rows, scales, steps);
  // A scale that was rounded down can leave the largest value at 127.5 steps, which is 128: -128.
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool beyond = steps[i] == -128;
    steps[i] = beyond ? static_cast<std::int8_t>(values[i] < 0 ? -127 : 127) : steps[i];
  }
}

void RmsStep::segments(const BlockShape& block, std::vector<Segment>& to) const {
  const std::size_t size = block.numel();
  to.push_back({Segment::Kind::kBytes, size == 0 ? 0U : 1U, sizeof(std::uint16_t)});
  to.push_back({Segment::Kind::kSteps, size, row_length(block)});
}

void RmsStep::encode(const BlockView& block, Bytes& to) const {
  if (block.values.empty()) {
    return;
  }
  const Rows rows(block.shape, ScalePer::kTensor);
  const double largest = magnitudes_of(block.values, rows)[0];
  const std::uint16_t bits = step_bits(relative * rms_of(block.values), largest / kMostSteps);
  append_scale(to, bits);
  const std::size_t start = to.size();
  to.resize(start + block.values.size());
  quantise_to_127(block.values, rows, {float_of_bfloat(bits)},
                  steps_in(std::span(to).subspan(start)));
}

Result<bool> RmsStep::decode(ByteView bytes, Block& block) const {
  if (block.values.empty()) {
    return true;
  }
  const float step = scale_in(bytes);
  if (!is_step(step)) {
    return Error(ErrorCode::kCorruptData, str("[rms_step] '", block.name, "': the step is ", step));
  }
  const Rows rows(block, ScalePer::kTensor);
  dequantise(steps_in(bytes.subspan(sizeof(std::uint16_t))), rows, {step}, block.values);
  return true;
}

}  // namespace lorae::codec
