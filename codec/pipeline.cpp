#include "codec/pipeline.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "codec/zstd.h"

namespace lorae::codec {
namespace {

constexpr int kDefaultZstdLevel = 3;

Error corrupt(const std::string& why) {
  return Error(ErrorCode::kCorruptData, "[codec] payload: " + why);
}

/// Walks the length-prefixed pieces of a payload.
class PieceReader {
 public:
  explicit PieceReader(ByteView payload) : left_(payload) {}

  std::optional<ByteView> next() {
    std::uint32_t size = 0;
    if (left_.size() < sizeof size) {
      return std::nullopt;
    }
    std::memcpy(&size, left_.data(), sizeof size);
    left_ = left_.subspan(sizeof size);
    if (left_.size() < size) {
      return std::nullopt;
    }
    const ByteView piece = left_.first(size);
    left_ = left_.subspan(size);
    return piece;
  }

  bool done() const { return left_.empty(); }

 private:
  ByteView left_;
};

/// Neighbouring blocks of one layer: [begin, end).
struct Layer {
  std::size_t begin = 0;
  std::size_t end = 0;
};

std::vector<Layer> layers_of(const Blocks& blocks) {
  std::vector<Layer> layers;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i > 0 && layer_of(blocks[i].name) == layer_of(blocks[i - 1].name)) {
      layers.back().end = i + 1;
    } else {
      layers.push_back({i, i + 1});
    }
  }
  return layers;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(separator, start), text.size());
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

}  // namespace

Pipeline Pipeline::parse(std::string_view chain) {
  Pipeline pipeline;
  const auto invalid = [&](std::string_view stage, std::string_view why) {
    fail(ErrorCode::kInvalidConfig, "[codec] chain '", chain, "': stage '", stage, "' ", why,
         "; known: delta, int8, int8:row, zstd, zstd:1 to zstd:9, float32");
  };
  const auto stages = split(chain, ',');
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const std::string_view stage = stages[i];
    const bool last = i + 1 == stages.size();
    if (stage == "delta") {
      i == 0 ? void(pipeline.delta_ = true) : invalid(stage, "must come first");
    } else if (stage == "int8" || stage == "int8:row") {
      pipeline.int8_ = true;
      pipeline.scale_per_ = stage == "int8" ? ScalePer::kTensor : ScalePer::kRow;
    } else if (stage == "zstd" && last) {
      pipeline.zstd_level_ = kDefaultZstdLevel;
    } else if (stage.starts_with("zstd:") && stage.size() == 6 && stage[5] >= '1' &&
               stage[5] <= '9' && last) {
      pipeline.zstd_level_ = stage[5] - '0';
    } else if (stage.starts_with("zstd") && !last) {
      invalid(stage, "must come last");
    } else if (stage != "float32") {
      invalid(stage, "is unknown");
    }
  }
  return pipeline;
}

Bytes Pipeline::encode_values(const Block& block) const {
  return int8_ ? int8_encode(block, scale_per_) : copy_of(bytes_of(std::span(block.values)));
}

Bytes Pipeline::encode(const Blocks& local, const Blocks& global) const {
  const Blocks& sent = delta_ ? subtract(local, global) : local;
  check(all_finite(sent), ErrorCode::kInvalidArgument,
        "[codec] a value to send is not finite; did local training diverge? lower the learning "
        "rate");
  Bytes payload;
  for (const Layer& layer : layers_of(sent)) {
    Bytes piece;
    for (std::size_t i = layer.begin; i < layer.end; ++i) {
      append(piece, encode_values(sent[i]));
    }
    if (zstd_level_ > 0) {
      piece = zstd_encode(piece, zstd_level_);
    }
    const auto size = static_cast<std::uint32_t>(piece.size());
    append(payload, std::as_bytes(std::span(&size, 1)));
    append(payload, piece);
  }
  return payload;
}

Bytes Pipeline::encode_state(const Blocks& state) const {
  check(!delta_, ErrorCode::kInvalidConfig,
        "[codec] a whole state is sent, not a change: take 'delta' out of the downlink chain");
  return encode(state, state);
}

std::size_t Pipeline::values_size(const Block& block) const {
  if (!int8_) {
    return block.values.size() * sizeof(float);
  }
  return int8_size(block, scale_per_);
}

Result<bool> Pipeline::decode_values(ByteView bytes, Block& block) const {
  if (int8_) {
    return int8_decode(bytes, scale_per_, block);
  }
  if (!bytes.empty()) {  // memcpy must not be given null, not even for nothing
    std::memcpy(block.values.data(), bytes.data(), bytes.size());
  }
  return true;
}

Result<bool> Pipeline::decode_layer(ByteView bytes, std::span<Block> blocks) const {
  std::size_t size = 0;
  for (const Block& block : blocks) {
    size += values_size(block);
  }
  Bytes decompressed;
  if (zstd_level_ > 0) {
    auto result = zstd_decode(bytes, size);
    if (!result) {
      return result.error();
    }
    decompressed = *std::move(result);
    bytes = decompressed;
  }
  if (bytes.size() != size) {
    return corrupt(str("'", layer_of(blocks.front().name), "': expected ", size, " bytes, got ",
                       bytes.size()));
  }
  for (Block& block : blocks) {
    const std::size_t own = values_size(block);
    if (auto decoded = decode_values(bytes.first(own), block); !decoded) {
      return decoded;
    }
    bytes = bytes.subspan(own);
  }
  return true;
}

Result<Blocks> Pipeline::decode_blocks(ByteView payload, const Blocks& like) const {
  Blocks blocks;
  blocks.reserve(like.size());
  for (const Block& shape : like) {
    blocks.push_back(
        {shape.name, shape.shape, shape.row_axis, std::vector<float>(shape.values.size())});
  }
  PieceReader pieces(payload);
  for (const Layer& layer : layers_of(blocks)) {
    const auto piece = pieces.next();
    if (!piece) {
      return corrupt(str("cut short before '", blocks[layer.begin].name, "'"));
    }
    const auto decoded =
        decode_layer(*piece, std::span(blocks).subspan(layer.begin, layer.end - layer.begin));
    if (!decoded) {
      return decoded.error();
    }
  }
  if (!pieces.done()) {
    return corrupt("bytes after the last block");
  }
  if (!all_finite(blocks)) {
    return corrupt("a value is not finite");
  }
  return blocks;
}

Result<Blocks> Pipeline::decode_delta(ByteView payload, const Blocks& global) const {
  auto blocks = decode_blocks(payload, global);
  if (!blocks || delta_) {
    return blocks;
  }
  Blocks delta = subtract(*blocks, global);
  if (!all_finite(delta)) {  // finite numbers may be too far apart
    return corrupt("a value is not finite");
  }
  return delta;
}

Result<Blocks> Pipeline::decode_state(ByteView payload, const Blocks& like) const {
  return decode_blocks(payload, like);
}

std::vector<LayerBytes> Pipeline::layer_bytes(ByteView payload, const Blocks& like) const {
  std::vector<LayerBytes> bytes;
  PieceReader pieces(payload);
  for (const Layer& layer : layers_of(like)) {
    LayerBytes& own = bytes.emplace_back();
    own.layer = layer_of(like[layer.begin].name);
    for (std::size_t i = layer.begin; i < layer.end; ++i) {
      own.raw += static_cast<std::int64_t>(like[i].values.size() * sizeof(float));
    }
    own.encoded = static_cast<std::int64_t>(pieces.next().value_or(ByteView{}).size() +
                                            sizeof(std::uint32_t));
  }
  return bytes;
}

Blocks subtract(const Blocks& a, const Blocks& b) {
  check(a.size() == b.size(), ErrorCode::kInvalidArgument, "[codec] expected ", b.size(),
        " blocks, got ", a.size());
  Blocks difference = a;
  for (std::size_t i = 0; i < a.size(); ++i) {
    check(a[i].name == b[i].name && a[i].values.size() == b[i].values.size(),
          ErrorCode::kInvalidArgument, "[codec] '", a[i].name, "' does not match '", b[i].name,
          "'");
    std::transform(a[i].values.begin(), a[i].values.end(), b[i].values.begin(),
                   difference[i].values.begin(), std::minus<>());
  }
  return difference;
}

bool all_finite(const Blocks& blocks) {
  // NaN compares false with everything, so it fails this test as infinity does.
  const auto finite = [](float x) {
    return x >= std::numeric_limits<float>::lowest() && x <= std::numeric_limits<float>::max();
  };
  return std::all_of(blocks.begin(), blocks.end(), [&](const Block& block) {
    return std::all_of(block.values.begin(), block.values.end(), finite);
  });
}

}  // namespace lorae::codec
