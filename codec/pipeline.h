#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/block.h"
#include "codec/int8.h"

namespace lorae::codec {

/// Bytes of one layer before and after encoding. Units: bytes.
struct LayerBytes {
  std::string layer;
  std::int64_t raw = 0;      ///< as float32
  std::int64_t encoded = 0;  ///< in the payload, its length field included
};

/// A chain of stages between a state and its payload, written as "delta,int8:row,zstd:3":
///   delta       send local - global instead of local; first if present
///   int8[:row]  8-bit values, one scale per tensor or per row (Block::row_axis); absent: float32
///   zstd[:1-9]  entropy coding of each layer; last if present; default level 3
///   float32     nothing: the name of the empty chain
/// Layout of a payload: for each layer in order, u32 little-endian length, then the bytes of its
/// blocks; one zstd frame per layer, so that extractor and mapper share its tables.
/// Threads: const calls are concurrent.
class Pipeline {
 public:
  /// Errors: kInvalidConfig, naming the stage and the known ones.
  static Pipeline parse(std::string_view chain);

  /// Encodes `local`; `global` is what the client started the round from, aligned with it.
  Bytes encode(const Blocks& local, const Blocks& global) const;

  /// Decodes an update to delta = local - global. Errors (returned): kCorruptData for any bytes
  /// that `encode` cannot have made of blocks like `global`, and for values that are not finite.
  Result<Blocks> decode_delta(ByteView payload, const Blocks& global) const;

  /// The same for a whole state instead of an update; the chain must not hold `delta`.
  Bytes encode_state(const Blocks& state) const;
  Result<Blocks> decode_state(ByteView payload, const Blocks& like) const;

  /// Bytes by layer of a payload that decodes. Precondition: a decode succeeded.
  std::vector<LayerBytes> layer_bytes(ByteView payload, const Blocks& like) const;

  bool delta() const noexcept { return delta_; }
  /// True if decoding gives back the very bits that were encoded.
  bool lossless() const noexcept { return !int8_; }

 private:
  Bytes encode_values(const Block& block) const;
  std::size_t values_size(const Block& block) const;
  Result<bool> decode_values(ByteView bytes, Block& block) const;
  Result<bool> decode_layer(ByteView bytes, std::span<Block> blocks) const;
  Result<Blocks> decode_blocks(ByteView payload, const Blocks& like) const;

  bool delta_ = false;
  bool int8_ = false;
  ScalePer scale_per_ = ScalePer::kTensor;
  int zstd_level_ = 0;  // 0: no zstd
};

/// a - b, block by block. Precondition: aligned.
Blocks subtract(const Blocks& a, const Blocks& b);

/// True if every value of every block is finite.
bool all_finite(const Blocks& blocks);

}  // namespace lorae::codec
