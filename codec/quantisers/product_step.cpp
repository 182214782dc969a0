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

constexpr double kMostRms = 2.5;   // of a tensor's own changes: its mean step
constexpr double kShortest = 0.5;  // of the lengths' root mean square
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
  const double mean =
      std::accumulate(lengths.begin(), lengths.end(), 0.0) / static_cast<double>(lengths.size());
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

/// Calls piece(begin, size) for pieces of [0, count), all of them or some that are spread evenly.
/// Returns how many numbers they have.
template <typename Piece>
std::size_t for_pieces(std::size_t count, Piece piece) {
  constexpr std::size_t kMost = 16;
  const std::size_t pieces = (count + Gram::kPiece - 1) / Gram::kPiece;
  const std::size_t stride = (pieces + kMost - 1) / kMost;
  std::size_t used = 0;
  for (std::size_t begin = 0; begin < count; begin += stride * Gram::kPiece) {
    const std::size_t size = std::min(Gram::kPiece, count - begin);
    piece(begin, size);
    used += size;
  }
  return used;
}

/// Root mean square of (B + dB)(A + dA) - B A = dB (A + dA) + B dA.
double rms_of_product(const BlockView& mapper, const BlockView& extractor) {
  const auto rank = static_cast<std::size_t>(mapper.shape.shape[1]);
  const std::size_t outputs = mapper.values.size() / rank;
  const std::size_t inputs = extractor.values.size() / rank;
  Gram columns(2 * rank), rows(2 * rank);
  const std::size_t used_outputs = for_pieces(outputs, [&](std::size_t begin, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j < rank; ++j) {
        const std::size_t at = (begin + i) * rank + j;
        columns.piece(j)[i] = mapper.values[at];
        columns.piece(rank + j)[i] = mapper.base[at];
      }
    }
    columns.add();
  });
  const std::size_t used_inputs = for_pieces(inputs, [&](std::size_t begin, std::size_t size) {
    for (std::size_t j = 0; j < rank; ++j) {
      const std::size_t at = j * inputs + begin;
      for (std::size_t i = 0; i < size; ++i) {
        const double change = extractor.values[at + i];
        rows.piece(j)[i] = static_cast<double>(extractor.base[at + i]) + change;
        rows.piece(rank + j)[i] = change;
      }
    }
    rows.add();
  });
  const double square = columns.dot(rows);
  return std::sqrt(std::max(square, 0.0) / static_cast<double>(used_outputs * used_inputs));
}

/// Appends a factor's scale and steps. Returns the steps' sizes, by row.
std::vector<float> encode_factor(const BlockView& block,
                                 double wanted,
                                 const std::vector<double>& lengths,
                                 Bytes& to) {
  const Rows rows(block.shape, ScalePer::kRow);
  const std::uint16_t bits = scale_bits(wanted, block.values, rows, lengths);
  std::vector<float> steps = steps_of(float_of_bfloat(bits), lengths);
  append_steps(block.values, rows, bits, steps, to);
  return steps;
}

/// Square root of how many numbers a row or column of a pair's factor has.
double side_of(const BlockView& block) {
  const auto rank =
      static_cast<std::size_t>(block.shape.shape[static_cast<std::size_t>(block.shape.row_axis)]);
  const std::size_t side = block.values.size() / rank;
  return std::sqrt(static_cast<double>(side));
}

Result<bool> decode_factor(ByteView bytes, const std::vector<double>& lengths, Block& block) {
  const float scale = scale_in(bytes);
  if (!is_step(scale)) {
    return Error(ErrorCode::kCorruptData,
                 str("[product_step] '", block.name, "': the scale is ", scale));
  }
  read_steps(bytes, Rows(block, ScalePer::kRow), steps_of(scale, lengths), block.values);
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
  const auto pair =
      pair_of(layer.size(), [&](std::size_t i) -> const BlockShape& { return layer[i].shape; });
  Bytes mapper_bytes;  // encoded first, wherever it stands
  std::vector<double> lengths;
  double error = 0;
  if (pair) {
    const BlockView& mapper = layer[pair->mapper];
    const BlockView& extractor = layer[pair->extractor];
    const Rows columns(mapper.shape, ScalePer::kRow), rows(extractor.shape, ScalePer::kRow);
    error = relative_ * rms_of_product(mapper, extractor) /
            std::sqrt(2.0 * static_cast<double>(rows.count));
    lengths = lengths_of(extractor.base, rows);
    const std::vector<float> steps =
        encode_factor(mapper, error * side_of(extractor), lengths, mapper_bytes);
    std::vector<float> moved(mapper.values.size());
    read_steps(mapper_bytes, columns, steps, moved);
    add(moved, mapper.base, moved);
    lengths = lengths_of(moved, columns);
  }
  for (std::size_t i = 0; i < layer.size(); ++i) {
    if (pair && i == pair->mapper) {
      append(to, mapper_bytes);
    } else if (pair && i == pair->extractor) {
      encode_factor(layer[i], error * side_of(layer[pair->mapper]), lengths, to);
    } else {
      alone_.encode(layer[i], to);
    }
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
