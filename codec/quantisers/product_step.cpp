#include "codec/quantisers/product_step.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "codec/quantisers/bfloat.h"
#include "codec/quantisers/gram.h"

namespace lorae::codec {
namespace {

constexpr double kMostRms = 2.5;           // of a tensor's own changes: its mean step
constexpr double kShortest = 0.5;          // of the lengths' root mean square
constexpr float kLargestStep = std::numeric_limits<float>::max() / kMostSteps;

/// Where a layer has its mapper [m, r, ...] and its extractor [r, ...].
struct Pair {
  std::size_t mapper = 0, extractor = 0;
};

/// `shape(i)`: of block i of `count`.
template <typename Shape>
std::optional<Pair> pair_of(std::size_t count, Shape shape) {
  for (std::size_t i = 0; i < count; ++i) {
    const BlockShape& mapper = shape(i);
    if (mapper.row_axis != 1 || mapper.numel() == 0 ||
        mapper.numel() != static_cast<std::size_t>(mapper.shape[0] * mapper.shape[1])) {
      continue;
    }
    for (std::size_t j = 0; j < count; ++j) {
      const BlockShape& extractor = shape(j);
      if (extractor.row_axis == 0 && extractor.shape[0] == mapper.shape[1] &&
          extractor.numel() > 0) {
        return Pair{i, j};
      }
    }
  }
  return std::nullopt;
}

/// How long the rows are; none is much shorter than the others, and none 0.
std::vector<double> lengths_of(std::span<const float> values, const Rows& rows) {
  std::vector<double> lengths = squares_of(values, rows);
  const double mean = std::accumulate(lengths.begin(), lengths.end(), 0.0) /
                      static_cast<double>(lengths.size());
  if (mean == 0) {
    std::ranges::fill(lengths, 1.0);
    return lengths;
  }
  for (double& length : lengths) {
    length = std::sqrt(std::max(length, kShortest * kShortest * mean));
  }
  return lengths;
}

/// Steps of a scale: the shorter the other factor's row is, the larger.
std::vector<float> steps_of(float scale, const std::vector<double>& lengths) {
  std::vector<float> steps(lengths.size());
  std::ranges::transform(lengths, steps.begin(), [&](double length) {
    const double step = static_cast<double>(scale) / length;
    return step < kLargestStep ? static_cast<float>(step) : kLargestStep;
  });
  return steps;
}

/// The scale for a factor's changes, as near to `wanted` as the rules of the header let it be.
std::uint16_t scale_bits(double wanted,
                         std::span<const float> changes,
                         const Rows& rows,
                         const std::vector<double>& lengths) {
  const std::vector<double> squares = squares_of(changes, rows);
  const std::vector<float> largest = magnitudes_of(changes, rows);
  double inverse = 0, square = 0, least = 0;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    inverse += 1.0 / lengths[i];
    square += squares[i];
    least = std::max(least, static_cast<double>(largest[i]) / kMostSteps * lengths[i]);
  }
  const double rms = std::sqrt(square / static_cast<double>(changes.size()));
  const double most = kMostRms * rms * static_cast<double>(lengths.size()) / inverse;
  return step_bits(std::min(wanted, most), least);
}

void add(std::span<const float> changes, std::span<const float> base, std::vector<float>& to) {
  to.resize(changes.size());
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] = base.empty() ? changes[i] : base[i] + changes[i];
  }
}

/// Root mean square of (B + dB)(A + dA) - B A = dB (A + dA) + B dA.
double rms_of_product(const BlockView& mapper, const BlockView& extractor) {
  const auto rank = static_cast<std::size_t>(mapper.shape.shape[1]);
  const std::size_t outputs = mapper.values.size() / rank;
  const std::size_t inputs = extractor.values.size() / rank;
  Gram columns(2 * rank), rows(2 * rank);
  for (std::size_t begin = 0; begin < outputs; begin += Gram::kPiece) {
    const std::size_t size = std::min(Gram::kPiece, outputs - begin);
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < rank; ++j) {
        const std::size_t at = (begin + i) * rank + j;
        columns.piece(j)[i] = mapper.values[at];
        columns.piece(rank + j)[i] = mapper.base[at];
      }
    }
    columns.add();
  }
  for (std::size_t begin = 0; begin < inputs; begin += Gram::kPiece) {
    const std::size_t size = std::min(Gram::kPiece, inputs - begin);
    for (std::size_t j = 0; j < rank; ++j) {
      const std::size_t at = j * inputs + begin;
      for (std::size_t i = 0; i < size; ++i) {
        const double change = extractor.values[at + i];
        rows.piece(j)[i] = static_cast<double>(extractor.base[at + i]) + change;
        rows.piece(rank + j)[i] = change;
      }
    }
    rows.add();
  }
  const double square = columns.dot(rows);
  return std::sqrt(std::max(square, 0.0) / static_cast<double>(outputs * inputs));
}

/// Appends a factor's scale and steps. Returns the steps' sizes, by row.
std::vector<float> encode_factor(const BlockView& block,
                                 double wanted,
                                 const std::vector<double>& lengths,
                                 Bytes& to) {
  const Rows rows(block.shape, ScalePer::kRow);
  const std::uint16_t bits = scale_bits(wanted, block.values, rows, lengths);
  append_scale(to, bits);
  const std::size_t start = to.size();
  to.resize(start + block.values.size());
  std::vector<float> steps = steps_of(float_of_bfloat(bits), lengths);
  quantise_to_127(block.values, rows, steps, steps_in(std::span(to).subspan(start)));
  return steps;
}

Result<bool> decode_factor(ByteView bytes, const std::vector<double>& lengths, Block& block) {
  const float scale = scale_in(bytes);
  if (!is_step(scale)) {
    return Error(ErrorCode::kCorruptData,
                 str("[product_step] '", block.name, "': the scale is ", scale));
  }
  dequantise(steps_in(bytes.subspan(sizeof(std::uint16_t))), Rows(block, ScalePer::kRow),
             steps_of(scale, lengths), block.values);
  return true;
}

}  // namespace

std::vector<Segment> ProductStep::segments(std::span<const BlockShape> layer) const {
  std::vector<Segment> all;
  for (const BlockShape& block : layer) {
    alone_.segments(block, all);  // a pair's blocks look the same
  }
  return all;
}

void ProductStep::encode(std::span<const BlockView> layer, Random& /*random*/, Bytes& to) const {
  const auto pair = pair_of(
      layer.size(), [&](std::size_t i) -> const BlockShape& { return layer[i].shape; });
  std::vector<Bytes> parts(layer.size());  // the mapper is encoded first, wherever it stands
  for (std::size_t i = 0; i < layer.size(); ++i) {
    if (!pair || (i != pair->mapper && i != pair->extractor)) {
      alone_.encode(layer[i], parts[i]);
    }
  }
  if (pair) {
    const BlockView& mapper = layer[pair->mapper];
    const BlockView& extractor = layer[pair->extractor];
    const Rows columns(mapper.shape, ScalePer::kRow), rows(extractor.shape, ScalePer::kRow);
    const double error = relative_ * rms_of_product(mapper, extractor) /
                         std::sqrt(2.0 * static_cast<double>(rows.count));
    const auto side = [&](const BlockView& block) {
      return std::sqrt(static_cast<double>(block.values.size() / rows.count));
    };
    std::vector<double> lengths = lengths_of(extractor.base, rows);
    Bytes& encoded = parts[pair->mapper];
    const std::vector<float> steps =
        encode_factor(mapper, error * side(extractor), lengths, encoded);
    std::vector<float> moved(mapper.values.size());
    dequantise(steps_in(ByteView(encoded).subspan(sizeof(std::uint16_t))), columns, steps, moved);
    add(moved, mapper.base, moved);
    lengths = lengths_of(moved, columns);
    encode_factor(extractor, error * side(mapper), lengths, parts[pair->extractor]);
  }
  for (const Bytes& part : parts) {
    append(to, part);
  }
}

Result<bool> ProductStep::decode(ByteView bytes,
                                 std::span<const Block> base,
                                 std::span<Block> layer) const {
  std::vector<ByteView> parts;
  for (const Block& block : layer) {
    std::vector<Segment> own;
    alone_.segments(block, own);
    parts.push_back(bytes.first(size_of(own)));
    bytes = bytes.subspan(parts.back().size());
  }
  const auto pair =
      pair_of(layer.size(), [&](std::size_t i) -> const BlockShape& { return layer[i]; });
  for (std::size_t i = 0; i < layer.size(); ++i) {
    if (!pair || (i != pair->mapper && i != pair->extractor)) {
      if (auto done = alone_.decode(parts[i], layer[i]); !done) {
        return done;
      }
    }
  }
  if (!pair) {
    return true;
  }
  Block& mapper = layer[pair->mapper];
  Block& extractor = layer[pair->extractor];
  const Rows columns(mapper, ScalePer::kRow), rows(extractor, ScalePer::kRow);
  std::vector<double> lengths = lengths_of(base[pair->extractor].values, rows);
  if (auto done = decode_factor(parts[pair->mapper], lengths, mapper); !done) {
    return done;
  }
  std::vector<float> moved;
  add(mapper.values, base[pair->mapper].values, moved);
  lengths = lengths_of(moved, columns);
  return decode_factor(parts[pair->extractor], lengths, extractor);
}

}  // namespace lorae::codec
