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
///   selection   none yet
///   quantiser   float32 (if absent), float16, int8, int8:row
///   coder       stored (if absent), zstd, zstd:1 to zstd:9
/// Layout of a payload: for each layer in order, u32 little-endian length, then the bytes of its
/// blocks; one coded piece per layer, so that extractor and mapper share its tables.
/// Threads: const calls are concurrent.
class Chain {
 public:
  /// Errors: kInvalidConfig, naming the stage and the known ones.
  static Chain parse(std::string_view text);

  /// Encodes `local`; `global` is what the client started the round from, aligned with it.
  /// Errors: kInvalidArgument if a value is not finite, or beyond the quantiser's range.
  Encoded encode(const Blocks& local, const Blocks& global) const;

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
  bool lossless() const { return quantiser_->lossless(); }

 private:
  Encoded encode_blocks(const Blocks& local, const Blocks* global) const;
  Result<bool> decode_layer(ByteView piece, std::size_t size, std::span<Block> blocks) const;

  std::string text_;
  bool delta_ = false;
  std::shared_ptr<const Quantiser> quantiser_;
  std::shared_ptr<const Coder> coder_;
};

}  // namespace lorae::codec
