#include "codec/chain.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

namespace lorae::codec {
namespace {

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

/// Appends a piece that `write` appends, with its length before it. Returns the bytes of both.
template <typename Write>
std::size_t append_piece(Bytes& payload, Write write) {
  const std::size_t start = payload.size();
  payload.resize(start + sizeof(std::uint32_t));
  write(payload);
  const std::size_t length = payload.size() - start - sizeof(std::uint32_t);
  check(length <= std::numeric_limits<std::uint32_t>::max(), ErrorCode::kInvalidArgument,
        "[codec] a layer has ", length, " bytes, more than a length field can say");
  const auto field = static_cast<std::uint32_t>(length);
  std::memcpy(payload.data() + start, &field, sizeof field);
  return payload.size() - start;
}

template <typename AnyBlock>
StageBytes stages_of(const std::string& layer,
                     std::span<const AnyBlock> blocks,
                     std::size_t quantised,
                     std::size_t coded) {
  std::size_t raw = 0;
  for (const AnyBlock& block : blocks) {
    raw += block.numel() * sizeof(float);
  }
  return {layer,
          {{std::string(kStageRaw), raw},
           {std::string(kStageQuantised), quantised},
           {std::string(kStageCoded), coded}}};
}

/// The entry of that name, or the table's first for "".
template <typename Stage>
std::shared_ptr<const Stage> make(std::span<const StageEntry<Stage>> table, std::string_view name) {
  const auto entry = std::ranges::find(table, name, &StageEntry<Stage>::name);
  return entry == table.end() ? table.front().make() : entry->make();
}

}  // namespace

std::int64_t StageBytes::after(std::string_view stage) const {
  const auto entry = std::ranges::find(bytes, stage, &std::pair<std::string, std::int64_t>::first);
  return entry == bytes.end() ? 0 : entry->second;
}

Chain Chain::parse(std::string_view text) {
  const auto stages = fill_places(text);
  Chain chain;
  chain.text_ = text;
  chain.delta_ = !stages[kDelta].empty();
  chain.quantiser_ = make(quantisers(), stages[kQuantiser]);
  chain.coder_ = make(coders(), stages[kCoder]);
  return chain;
}

Encoded Chain::encode(const Blocks& local, const Blocks& global) const {
  return encode_blocks(local, delta_ ? &global : nullptr);
}

Encoded Chain::encode_state(const Blocks& state) const {
  check(!delta_, ErrorCode::kInvalidConfig,
        "[codec] a whole state is sent, not a change: take 'delta' out of the downlink chain");
  return encode_blocks(state, nullptr);
}

Encoded Chain::encode_blocks(const Blocks& local, const Blocks* global) const {
  if (global != nullptr) {
    check_aligned(local, *global);
  }
  Encoded encoded;
  std::vector<float> changes;  // of a layer
  Bytes quantised;
  for (const LayerRange& layer : layers_of(std::span(local))) {
    const auto blocks = layer.of(std::span(local));
    std::vector<BlockView> views;
    std::size_t size = 0;
    for (const Block& block : blocks) {
      check(block.values.size() == block.numel(), ErrorCode::kInvalidArgument, "[codec] '",
            block.name, "': expected ", block.numel(), " values, got ", block.values.size());
      views.push_back({block, block.values});
      size += block.values.size();
    }
    if (global != nullptr) {
      changes.resize(size);
      std::span<float> left(changes);
      for (std::size_t i = 0; i < views.size(); ++i) {
        const std::span<float> own = left.first(blocks[i].values.size());
        subtract(blocks[i].values, (*global)[layer.begin + i].values, own);
        views[i].values = own;
        left = left.subspan(own.size());
      }
    }
    for (const BlockView& view : views) {
      check(all_finite(view.values), ErrorCode::kInvalidArgument,
            "[codec] a value to send is not finite; did local training diverge? lower the "
            "learning rate");
    }
    quantised.clear();
    quantiser_->encode(views, quantised);
    const std::size_t coded =
        append_piece(encoded.payload, [&](Bytes& payload) { coder_->encode(quantised, payload); });
    encoded.stages.push_back(stages_of(layer.layer, blocks, quantised.size(), coded));
  }
  return encoded;
}

Result<bool> Chain::decode_layer(ByteView piece, std::size_t size, std::span<Block> blocks) const {
  Bytes scratch;
  const auto bytes = coder_->decode(piece, size, scratch);
  if (!bytes) {
    return bytes.error();
  }
  if (bytes->size() != size) {
    return corrupt(str("'", layer_of(blocks.front().name), "': expected ", size, " bytes, got ",
                       bytes->size()));
  }
  return quantiser_->decode(*bytes, blocks);
}

Result<Decoded> Chain::decode_state(ByteView payload, const Layout& layout) const {
  Decoded decoded{layout.zeros(), {}};
  PieceReader pieces(payload);
  for (const LayerRange& layer : layout.layers()) {
    const auto shapes = layer.of(layout.blocks());
    const auto piece = pieces.next();
    if (!piece) {
      return corrupt(str("cut short before '", shapes.front().name, "'"));
    }
    const std::size_t size = quantiser_->size(shapes);
    if (auto done = decode_layer(*piece, size, layer.of(std::span(decoded.blocks))); !done) {
      return done.error();
    }
    decoded.stages.push_back(
        stages_of(layer.layer, shapes, size, piece->size() + sizeof(std::uint32_t)));
  }
  if (!pieces.done()) {
    return corrupt("bytes after the last block");
  }
  if (!all_finite(decoded.blocks)) {
    return corrupt("a value is not finite");
  }
  return decoded;
}

Result<Decoded> Chain::decode_delta(ByteView payload,
                                    const Layout& layout,
                                    const Blocks& global) const {
  auto decoded = decode_state(payload, layout);
  if (!decoded || delta_) {
    return decoded;
  }
  subtract_(decoded->blocks, global);
  if (!all_finite(decoded->blocks)) {  // finite numbers may be too far apart
    return corrupt("a value is not finite");
  }
  return decoded;
}

}  // namespace lorae::codec
