#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/block.h"
#include "codec/coder.h"
#include "codec/layout.h"
#include "codec/places.h"
#include "codec/quantiser.h"
#include "codec/selection.h"
#include "codec/turn.h"
#include "codec/values.h"

namespace lorae::codec {

// What the bytes of a layer are counted after: the ledger's stages of a payload.
inline constexpr std::string_view kStageRaw = "raw";              ///< as float32
inline constexpr std::string_view kStageQuantised = "quantised";  ///< after the quantiser
inline constexpr std::string_view kStageCoded = "coded";  ///< in the payload, with the length field

inline constexpr std::array kStages = {kStageRaw, kStageQuantised, kStageCoded};

/// Bytes of one layer after each stage, in their order. Units: bytes.
struct StageBytes {
  std::string layer;
  std::vector<std::pair<std::string, std::int64_t>> bytes;

  /// Of one stage; 0 if it has none of that name.
  std::int64_t after(std::string_view stage) const;

  bool operator==(const StageBytes&) const = default;
};

struct Encoded {
  Bytes payload;
  std::vector<StageBytes> stages;  ///< by layer
};

struct Decoded {
  Blocks blocks;
  std::vector<StageBytes> stages;  ///< by layer
};

/// What happens to a state on its way into a payload, written as "delta,int8:row,zstd:3": at most
/// one stage for each of four places, in this order:
///   delta       send local - global instead of local
///   selection   which changes are sent: all (if absent), or a line of codec/selections.cpp
///   quantiser   float32 (if absent), or a line of codec/quantisers.cpp
///   coder       stored (if absent), or a line of codec/coders.cpp; it lays out the payload
/// Threads: const calls are concurrent.
class Chain {
 public:
  /// Errors: kInvalidConfig, naming the stage and the known ones; for a stage that is about changes
  /// in a chain without `delta`.
  static Chain parse(std::string_view text);

  /// Encodes `local`; `global` is what the client started the round from, aligned with it.
  /// Errors: kInvalidArgument if a value is not finite, or beyond the quantiser's range.
  Encoded encode(const Blocks& local, const Blocks& global, const Turn& turn = {}) const;

  /// The same in at most `most` bytes: where `encode` makes more, with the finest steps that make
  /// as few, to an eighth of an octave. Precondition: `can_be_coarser`. Errors: as `encode`;
  /// kInvalidArgument if no steps make as few.
  Encoded encode_within(ByteCount most,
                        const Blocks& local,
                        const Blocks& global,
                        const Turn& turn = {}) const;
  /// True for changes in steps of any size: `delta` and `rms_step`.
  bool can_be_coarser() const;

  /// What a payload of `encode` does not say: (local - global) less what it decodes to. A client
  /// that adds it to its next `local` sends it later (error feedback). Source: Seide et al. 2014,
  /// Interspeech, "1-Bit Stochastic Gradient Descent"; Karimireddy et al. 2019 (arXiv:1901.09847),
  /// Algorithm 1.
  Blocks lost(ByteView payload, const Blocks& local, const Blocks& global) const;

  /// Bits of the order-0 entropy of what `encode` makes before its coder: of a coder that knows of
  /// each tensor how often which step comes, and of no step its neighbours. Bytes that are no steps
  /// count as they are.
  double entropy_bits(const Blocks& local, const Blocks& global, const Turn& turn = {}) const;

  /// Decodes an update to delta = local - global, blocks of `layout`, and counts its bytes in the
  /// same walk. Precondition: `global` has that layout.
  /// Errors (returned): kCorruptData for any bytes that `encode` cannot have made of such blocks,
  /// and for values that are not finite.
  Result<Decoded> decode_delta(ByteView payload, const Layout& layout, const Blocks& global) const;

  /// The same for a whole state instead of an update; the chain must not hold `delta`.
  Encoded encode_state(const Blocks& state) const;
  Result<Decoded> decode_state(ByteView payload, const Layout& layout) const;

  const std::string& text() const noexcept { return text_; }
  bool delta() const noexcept { return delta_; }
  /// True if decoding gives back the very bits that were encoded.
  bool lossless() const {
    return selection_ == nullptr && quantiser_->kind() == Quantiser::Kind::kLossless;
  }

 private:
  /// Gives `encoding` what the quantiser makes of each layer. Returns the sizes of that.
  std::vector<std::size_t> quantise(const Blocks& local,
                                    const Blocks* global,
                                    const Turn& turn,
                                    Encoding& encoding) const;
  Encoded encode_blocks(const Blocks& local, const Blocks* global, const Turn& turn) const;
  /// With steps `factor` times as large, if there are such. What it encodes, this chain decodes.
  Chain coarser(double factor) const;
  Result<Decoded> decode_blocks(ByteView payload, const Layout& layout, const Blocks* global) const;

  std::string text_;
  bool delta_ = false;
  std::shared_ptr<const Selection> selection_;  // null: all
  std::shared_ptr<const Quantiser> quantiser_;
  std::size_t quantiser_line_ = 0;  // of the table
  double quantiser_number_ = 0;
  std::shared_ptr<const Coder> coder_;
};

}  // namespace lorae::codec
