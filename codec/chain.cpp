#include "codec/chain.h"

#include <algorithm>
#include <optional>

#include "codec/entropy.h"

namespace lorae::codec {
namespace {

Error corrupt(const std::string& why) {
  return Error(ErrorCode::kCorruptData, "[codec] payload: " + why);
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

/// The stage that fills a place, or the table's first where nothing does.
template <typename Stage>
std::shared_ptr<const Stage> make(std::span<const StageEntry<Stage>> table,
                                  const std::optional<Filled>& filled) {
  return filled ? table[filled->stage].make(filled->number) : table.front().make(0);
}

std::vector<std::size_t> sizes_of(std::span<const Block> blocks,
                                  std::span<const LayerRange> layers) {
  std::vector<std::size_t> sizes;
  for (const LayerRange& layer : layers) {
    std::size_t size = 0;
    for (const Block& block : layer.of(blocks)) {
      size += block.values.size();
    }
    sizes.push_back(size);
  }
  return sizes;
}

/// A layer that is to be encoded.
class LayerChanges {
 public:
  /// local, or local - global. Errors: kInvalidArgument for values that are not finite.
  void set(std::span<const Block> local, std::span<const Block> global) {
    views_.clear();
    std::size_t size = 0;
    for (const Block& block : local) {
      check(block.values.size() == block.numel(), ErrorCode::kInvalidArgument, "[codec] '",
            block.name, "': expected ", block.numel(), " values, got ", block.values.size());
      size += block.values.size();
    }
    changes_.resize(global.empty() ? 0 : size);
    std::span<float> left(changes_);
    for (std::size_t i = 0; i < local.size(); ++i) {
      const std::span<const float> values = local[i].values;
      if (global.empty()) {
        views_.push_back({local[i], values});
        continue;
      }
      const std::span<float> own = left.first(values.size());
      subtract(values, global[i].values, own);
      views_.push_back({local[i], own, global[i].values});
      left = left.subspan(own.size());
    }
    for (const BlockView& view : views_) {
      check(all_finite(view.values), ErrorCode::kInvalidArgument,
            "[codec] a value to send is not finite; did local training diverge? lower the "
            "learning rate");
    }
  }

  /// Precondition: there was a `global`.
  void thin_(const Selection& selection) {
    std::span<float> left(changes_);
    for (const BlockView& view : views_) {
      selection.thin_(left.first(view.values.size()));
      left = left.subspan(view.values.size());
    }
  }

  std::span<const BlockView> views() const { return views_; }

 private:
  std::vector<BlockView> views_;
  std::vector<float> changes_;
};

}  // namespace

std::int64_t StageBytes::after(std::string_view stage) const {
  const auto entry = std::ranges::find(bytes, stage, &std::pair<std::string, std::int64_t>::first);
  return entry == bytes.end() ? 0 : entry->second;
}

Chain Chain::parse(std::string_view text) {
  const auto stages = fill_places(text);
  Chain chain;
  chain.text_ = text;
  chain.delta_ = stages[kDelta].has_value();
  if (stages[kSelection]) {
    chain.selection_ = make(selections(), stages[kSelection]);
  }
  chain.quantiser_ = make(quantisers(), stages[kQuantiser]);
  chain.quantiser_line_ = stages[kQuantiser].value_or(Filled{}).stage;
  chain.quantiser_number_ = stages[kQuantiser].value_or(Filled{}).number;
  chain.coder_ = make(coders(), stages[kCoder]);
  const bool changes_only =
      chain.selection_ != nullptr || chain.quantiser_->kind() == Quantiser::Kind::kLossyChange;
  check(chain.delta_ || !changes_only, ErrorCode::kInvalidConfig, "[codec] chain '", text, "': '",
        stages[chain.selection_ != nullptr ? kSelection : kQuantiser].value_or(Filled{}).text,
        "' is about changes, not about whole states; begin with 'delta'");
  return chain;
}

Encoded Chain::encode(const Blocks& local, const Blocks& global, const Turn& turn) const {
  return encode_blocks(local, delta_ ? &global : nullptr, turn);
}

bool Chain::can_be_coarser() const {
  return delta_ && quantisers()[quantiser_line_].number.coarseness;
}

Chain Chain::coarser(double factor) const {
  const StageEntry<Quantiser>& entry = quantisers()[quantiser_line_];
  Chain chain = *this;
  chain.quantiser_ = entry.make(std::min(quantiser_number_ * factor, entry.number.most));
  return chain;
}

Encoded Chain::encode_within(ByteCount most,
                             const Blocks& local,
                             const Blocks& global,
                             const Turn& turn) const {
  constexpr int kSteps = 80;  // ten octaves: all that is not far above the others becomes zero
  constexpr double kStep = 1.0905077326652577;  // 2^(1/8)
  std::vector<double> factors = {1};
  while (factors.size() <= kSteps) {
    factors.push_back(factors.back() * kStep);
  }
  const auto fits = [&](const Encoded& encoded) {
    return std::ssize(encoded.payload) <= most.value;
  };
  Encoded best = encode(local, global, turn);
  if (fits(best)) {
    return best;
  }
  best = coarser(factors.back()).encode(local, global, turn);
  check(fits(best), ErrorCode::kInvalidArgument, "[codec] an update has ", best.payload.size(),
        " bytes however coarse it is, more than max_uplink = ", most.value,
        ": raise max_uplink, or send fewer tensors (rank, train, targets)");
  for (int fine = 0, coarse = kSteps; coarse - fine > 1;) {
    const int middle = (fine + coarse) / 2;
    Encoded encoded =
        coarser(factors[static_cast<std::size_t>(middle)]).encode(local, global, turn);
    if (fits(encoded)) {
      coarse = middle;
      best = std::move(encoded);
    } else {
      fine = middle;
    }
  }
  return best;
}

Encoded Chain::encode_state(const Blocks& state) const {
  check(!delta_, ErrorCode::kInvalidConfig,
        "[codec] a whole state is sent, not a change: take 'delta' out of the downlink chain");
  return encode_blocks(state, nullptr, {});
}

std::vector<std::size_t> Chain::quantise(const Blocks& local,
                                         const Blocks* global,
                                         const Turn& turn,
                                         Encoding& encoding) const {
  if (global != nullptr) {
    check_aligned(local, *global);
  }
  Random random(turn.seed);
  LayerChanges changes;
  Bytes quantised;
  std::vector<std::size_t> quantised_sizes;  // of layers that are left out, too
  const std::vector<LayerRange> layers = layers_of(std::span(local));
  const std::vector<std::size_t> sizes = sizes_of(local, layers);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto blocks = layers[i].of(std::span(local));
    changes.set(blocks,
                global == nullptr ? std::span<const Block>() : layers[i].of(std::span(*global)));
    const std::vector<BlockShape> shapes(blocks.begin(), blocks.end());
    const std::vector<Segment> segments = quantiser_->segments(shapes);
    quantised.clear();
    if (selection_ == nullptr || selection_->sends(sizes, i, turn.round)) {
      if (selection_ != nullptr) {
        changes.thin_(*selection_);
      }
      quantiser_->encode(changes.views(), random, quantised);
    }
    encoding.add(quantised, segments);
    quantised_sizes.push_back(size_of(segments));
  }
  return quantised_sizes;
}

Encoded Chain::encode_blocks(const Blocks& local, const Blocks* global, const Turn& turn) const {
  Encoded encoded;
  const auto encoding = coder_->encoding();
  const std::vector<std::size_t> quantised = quantise(local, global, turn, *encoding);
  const std::vector<std::size_t> coded = encoding->finish(encoded.payload);
  const std::vector<LayerRange> layers = layers_of(std::span(local));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    encoded.stages.push_back(
        stages_of(layers[i].layer, layers[i].of(std::span(local)), quantised[i], coded[i]));
  }
  return encoded;
}

double Chain::entropy_bits(const Blocks& local, const Blocks& global, const Turn& turn) const {
  EntropyMeter meter;
  quantise(local, delta_ ? &global : nullptr, turn, meter);
  return meter.bits();
}

Blocks Chain::lost(ByteView payload, const Blocks& local, const Blocks& global) const {
  Blocks lost = subtract(local, global);
  subtract_(lost, decode_delta(payload, layout_of(global), global).value().blocks);
  return lost;
}

Result<Decoded> Chain::decode_state(ByteView payload, const Layout& layout) const {
  return decode_blocks(payload, layout, nullptr);
}

Result<Decoded> Chain::decode_blocks(ByteView payload,
                                     const Layout& layout,
                                     const Blocks* global) const {
  Decoded decoded{layout.zeros(), {}};
  const auto decoding = coder_->decoding(payload);
  for (const LayerRange& layer : layout.layers()) {
    const auto shapes = layer.of(layout.blocks());
    const std::vector<Segment> segments = quantiser_->segments(shapes);
    const auto read = decoding->next(segments);
    if (!read) {
      return corrupt(str("'", layer.layer, "': ", read.error().what()));
    }
    if (!read->bytes.empty()) {  // else it stays zero
      const auto base = global == nullptr ? std::span<const Block>() : layer.of(std::span(*global));
      auto done = quantiser_->decode(read->bytes, base, layer.of(std::span(decoded.blocks)));
      if (!done) {
        return done.error();
      }
    }
    decoded.stages.push_back(stages_of(layer.layer, shapes, size_of(segments), read->coded));
  }
  if (auto done = decoding->finish(); !done) {
    return corrupt(done.error().what());
  }
  if (!all_finite(decoded.blocks)) {
    return corrupt("a value is not finite");
  }
  return decoded;
}

Result<Decoded> Chain::decode_delta(ByteView payload,
                                    const Layout& layout,
                                    const Blocks& global) const {
  auto decoded = decode_blocks(payload, layout, delta_ ? &global : nullptr);
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
