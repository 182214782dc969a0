#include "codec/lattice.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <utility>

#include "base/error.h"
#include "codec/coders/range.h"
#include "codec/values.h"

namespace lorae::codec {
namespace {

constexpr int kGridBits = 20;      // below a tensor's largest value
constexpr int kGridOfZeros = -22;  // as a power of two, as these are
constexpr int kGridOfVectors = -18, kLeastGrid = -120;
constexpr double kMost = 8388607;  // multiples of the grid on either side
constexpr int kPlaneBits = 7;
constexpr int kMostPlanes = 4;
constexpr std::int64_t kPlane = 1 << kPlaneBits;
constexpr double kMostCount = 133160895;  // four digits of 63

double largest_of(const std::vector<float>& values) {
  double largest = 0;
  for (const float value : values) {
    largest = std::max(largest, std::fabs(static_cast<double>(value)));
  }
  return largest;
}

double grid_of(const Block& block) {
  int exponent = 0;
  const double largest = largest_of(block.values);
  std::frexp(largest, &exponent);  // largest <= 2^exponent
  exponent = largest > 0 ? exponent - kGridBits : kGridOfZeros;
  return std::ldexp(1.0, std::max(exponent, block.shape.size() == 1 ? kGridOfVectors : kLeastGrid));
}

/// The largest power of two that divides the value, as an exponent. Precondition: finite, not 0.
int divisor_of(float value) {
  int exponent = 0;
  const double mantissa = std::frexp(static_cast<double>(value), &exponent);  // 24 bits in [0.5, 1)
  const auto whole = static_cast<std::uint64_t>(std::fabs(std::ldexp(mantissa, 24)));
  return exponent - 24 + std::countr_zero(whole);
}

/// A tensor's difference: multiples of 2^exponent, in planes of seven bits each.
struct Multiples {
  int exponent = 0;
  int planes = 0;
  std::vector<std::int64_t> counts;
};

Multiples multiples_of(const Block& block) {
  Multiples all;
  bool found = false;
  for (const float value : block.values) {
    if (value != 0) {
      const int own = divisor_of(value);
      all.exponent = found ? std::min(all.exponent, own) : own;
      found = true;
    }
  }
  all.counts.reserve(block.values.size());
  std::int64_t largest = 0;
  for (const float value : block.values) {
    const double count = std::ldexp(static_cast<double>(value), -all.exponent);
    check(std::fabs(count) <= kMostCount, ErrorCode::kInvalidArgument, "[lattice] '", block.name,
          "': the values are no multiples of one step");
    all.counts.push_back(static_cast<std::int64_t>(count));
    largest = std::max(largest, std::abs(all.counts.back()));
  }
  for (std::int64_t reach = 0; reach < largest; ++all.planes) {
    reach = reach * kPlane + (kPlane / 2 - 1);
  }
  return all;
}

/// What the decoder has to know first: of each block its exponent and its planes.
Segment head_of(std::size_t blocks) {
  return {Segment::Kind::kBytes, blocks, 2};
}

std::size_t row_of(const BlockShape& shape) {
  return shape.shape.empty()
             ? 1
             : static_cast<std::size_t>(std::max<std::int64_t>(shape.shape.back(), 1));
}

void add_segments(const BlockShape& shape, int planes, std::vector<Segment>& to) {
  for (int plane = 0; plane < planes; ++plane) {
    to.push_back({Segment::Kind::kSteps, shape.numel(), row_of(shape)});
  }
}

/// Plane by plane, the lowest first: digits in [-64, 63].
void append_planes(const Multiples& all, Bytes& to) {
  std::vector<std::int64_t> left = all.counts;
  for (int plane = 0; plane < all.planes; ++plane) {
    for (std::int64_t& count : left) {
      const std::int64_t digit = ((count + kPlane / 2) & (kPlane - 1)) - kPlane / 2;
      to.push_back(static_cast<std::byte>(digit));
      count = (count - digit) >> kPlaneBits;
    }
  }
}

struct Head {
  int exponent = 0;
  int planes = 0;
};

Result<std::vector<Head>> heads_in(ByteView bytes, std::size_t blocks) {
  std::vector<Head> heads(blocks);
  for (std::size_t i = 0; i < blocks && !bytes.empty(); ++i) {
    heads[i] = {static_cast<std::int8_t>(bytes[2 * i]),
                static_cast<std::uint8_t>(bytes[2 * i + 1])};
    if (heads[i].planes > kMostPlanes) {
      return Error(ErrorCode::kCorruptData, "[lattice] payload: too many planes");
    }
  }
  return heads;
}

void fill(ByteView bytes, const Head& head, Block& block) {
  const std::size_t size = block.values.size();
  for (std::size_t i = 0; i < size; ++i) {
    std::int64_t count = 0;
    for (int plane = head.planes - 1; plane >= 0; --plane) {
      const auto digit =
          static_cast<std::int8_t>(bytes[static_cast<std::size_t>(plane) * size + i]);
      count = count * kPlane + digit;
    }
    block.values[i] = static_cast<float>(std::ldexp(static_cast<double>(count), head.exponent));
  }
}

}  // namespace

Blocks on_grid(Blocks state) {
  for (Block& block : state) {
    const double grid = grid_of(block);
    for (float& value : block.values) {
      const double rounded = std::nearbyint(static_cast<double>(value) / grid) * grid;
      value = static_cast<float>(rounded + 0.0);  // never -0: no difference could say that
    }
  }
  return state;
}

Lattice::Lattice(const Blocks& start, double relative) : relative_(relative) {
  for (const Block& block : start) {
    grids_.push_back(grid_of(block));
  }
}

double Lattice::end_of(std::size_t block) const {
  return kMost * grids_.at(block);
}

Blocks Lattice::next(const Blocks& state, const Blocks& wanted, double finer) const {
  check_aligned(state, wanted);
  Blocks next = state;
  for (std::size_t i = 0; i < state.size(); ++i) {
    const std::vector<float>& from = state[i].values;
    const double grid = grids_.at(i), end = end_of(i);
    const auto move_of = [&](std::size_t j) {
      const auto here = static_cast<double>(from[j]), there = double(wanted[i].values[j]);
      return std::isfinite(there) ? std::clamp(there, -end, end) - here : 0;
    };
    double squares = 0;
    for (std::size_t j = 0; j < from.size(); ++j) {
      squares += move_of(j) * move_of(j);
    }
    const double rms =
        std::sqrt(squares / static_cast<double>(std::max<std::size_t>(from.size(), 1)));
    const double step =
        rms > 0 ? std::max(std::exp2(std::round(std::log2(relative_ / finer * rms))), grid) : grid;
    for (std::size_t j = 0; j < from.size(); ++j) {
      double steps = std::nearbyint(move_of(j) / step);
      if (std::fabs(from[j] + step * steps) > end) {
        steps -= std::copysign(1.0, steps);  // it was rounded over the end
      }
      next[i].values[j] = static_cast<float>(from[j] + step * steps);
    }
  }
  return next;
}

Blocks Lattice::left(const Blocks& wanted, const Blocks& next) const {
  Blocks left = subtract(wanted, next);
  for (std::size_t i = 0; i < left.size(); ++i) {
    for (std::size_t j = 0; j < left[i].values.size(); ++j) {
      if (!(std::fabs(wanted[i].values[j]) <= end_of(i))) {
        left[i].values[j] = 0;
      }
    }
  }
  return left;
}

Encoded encode_difference(const Blocks& from, const Blocks& to) {
  const Blocks difference = subtract(to, from);
  std::vector<Multiples> multiples;
  Bytes heads;
  for (const Block& block : difference) {
    check(all_finite(block.values), ErrorCode::kInvalidArgument, "[lattice] '", block.name,
          "' holds a value that is not finite");
    multiples.push_back(multiples_of(block));
    check(std::abs(multiples.back().exponent) <= 127, ErrorCode::kInvalidArgument, "[lattice] '",
          block.name, "': the step is too small");
    heads.push_back(static_cast<std::byte>(multiples.back().exponent));
    heads.push_back(static_cast<std::byte>(multiples.back().planes));
  }
  const Range coder;
  const auto encoding = coder.encoding();
  const Segment head = head_of(difference.size());
  encoding->add(heads, std::span(&head, 1));
  const auto layers = layers_of(std::span<const Block>(difference));
  std::vector<std::size_t> quantised;
  for (const LayerRange& layer : layers) {
    Bytes planes;
    std::vector<Segment> segments;
    for (std::size_t i = layer.begin; i < layer.end; ++i) {
      add_segments(difference[i], multiples[i].planes, segments);
      append_planes(multiples[i], planes);
    }
    quantised.push_back(planes.size());
    encoding->add(planes, segments);
  }
  Encoded encoded;
  const std::vector<std::size_t> coded = encoding->finish(encoded.payload);
  for (std::size_t k = 0; k < layers.size(); ++k) {
    std::size_t raw = 0;
    for (std::size_t i = layers[k].begin; i < layers[k].end; ++i) {
      raw += difference[i].values.size() * sizeof(float);
    }
    const std::size_t heads_too = k == 0 ? coded[0] : 0;  // bytes of layers sum to all of them
    encoded.stages.push_back(
        {layers[k].layer,
         {{std::string(kStageRaw), static_cast<std::int64_t>(raw)},
          {std::string(kStageQuantised), static_cast<std::int64_t>(quantised[k])},
          {std::string(kStageCoded), static_cast<std::int64_t>(coded[k + 1] + heads_too)}}});
  }
  return encoded;
}

Result<Blocks> decode_difference(ByteView payload, const Layout& layout) {
  Blocks blocks = layout.zeros();
  const Range coder;
  const auto decoding = coder.decoding(payload);
  const Segment head = head_of(blocks.size());
  const auto first = decoding->next(std::span(&head, 1));
  if (!first) {
    return first.error();
  }
  const auto heads = heads_in(first->bytes, blocks.size());
  if (!heads) {
    return heads.error();
  }
  for (const LayerRange& layer : layout.layers()) {
    std::vector<Segment> segments;
    for (std::size_t i = layer.begin; i < layer.end; ++i) {
      add_segments(blocks[i], (*heads)[i].planes, segments);
    }
    const auto planes = decoding->next(segments);
    if (!planes) {
      return planes.error();
    }
    ByteView left = planes->bytes;
    for (std::size_t i = layer.begin; i < layer.end && !left.empty(); ++i) {
      const std::size_t size =
          blocks[i].values.size() * static_cast<std::size_t>((*heads)[i].planes);
      fill(left.first(size), (*heads)[i], blocks[i]);
      left = left.subspan(size);
    }
  }
  if (const auto end = decoding->finish(); !end) {
    return end.error();
  }
  if (!all_finite(blocks)) {
    return Error(ErrorCode::kCorruptData, "[lattice] payload: a value is not finite");
  }
  return blocks;
}

Digest digest_of(const Blocks& blocks) {
  Hasher hasher;
  for (const Block& block : blocks) {
    hasher.add(std::as_bytes(std::span(block.values)));
  }
  return hasher.finish();
}

Blocks sum(const Blocks& a, const Blocks& b) {
  check_aligned(a, b);
  Blocks all = a;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a[i].values.size(); ++j) {
      all[i].values[j] += b[i].values[j];
    }
  }
  return all;
}

}  // namespace lorae::codec
