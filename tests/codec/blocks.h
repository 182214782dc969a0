#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/seed.h"
#include "codec/chain.h"

namespace lorae::codec {

/// A vector as a block.
inline Block block_of(std::string name, std::vector<float> values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return {std::move(name), {size}, -1, std::move(values)};
}

/// Normal draws of the given size.
inline Block random_block(std::string name,
                          std::vector<std::int64_t> shape,
                          int row_axis,
                          std::uint64_t seed,
                          float spread = 1.0F) {
  Random random(seed);
  std::size_t size = 1;
  for (const std::int64_t extent : shape) {
    size *= static_cast<std::size_t>(extent);
  }
  Block block{std::move(name), std::move(shape), row_axis, std::vector<float>(size)};
  for (float& value : block.values) {
    value = spread * static_cast<float>(random.normal());
  }
  return block;
}

/// A small adapter: an extractor [r, Cin, 1, 1] and a mapper [Cout, r], and a bias.
inline Blocks random_state(std::uint64_t seed) {
  return {random_block("conv1.bias", {6}, -1, seed),
          random_block("conv1.extractor", {2, 3, 1, 1}, 0, seed + 1),
          random_block("conv1.mapper", {6, 2}, 1, seed + 2),
          random_block("fc.weight", {3, 4}, -1, seed + 3)};
}

/// What `chain` makes of a payload from a client that started from `global`.
inline Result<Blocks> decode_delta(const Chain& chain, ByteView payload, const Blocks& global) {
  auto decoded = chain.decode_delta(payload, layout_of(global), global);
  if (!decoded) {
    return decoded.error();
  }
  return std::move(decoded->blocks);
}

inline const std::vector<std::string>& all_chains() {
  static const std::vector<std::string> chains = {
      "float32", "int8",       "int8:row",       "zstd",         "int8,zstd:9",
      "delta",   "delta,int8", "delta,int8:row", "delta,zstd",   "delta,int8:row,zstd:3",
      "float16", "stored",     "delta,float16",  "float16,zstd", "delta,float32,stored",
  };
  return chains;
}

}  // namespace lorae::codec
