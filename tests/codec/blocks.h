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

/// Bytes that a format of single blocks says it makes of one.
template <typename Format>
std::size_t size_by(const Format& format, const BlockShape& block) {
  std::vector<Segment> segments;
  format.segments(block, segments);
  return size_of(segments);
}

/// A chain, and how far a value may be from what was sent, as a part of the largest magnitude of
/// all that was sent.
struct ChainCase {
  std::string text;
  double bound = 0;
};

inline const std::vector<ChainCase>& chain_cases() {
  static const std::vector<ChainCase> cases = {
      {"float32"},
      {"stored"},
      {"zstd"},
      {"range"},
      {"delta"},
      {"delta,zstd"},
      {"delta,float32,stored"},
      {"delta,range"},
      {"int8", 0.5 / 127},
      {"int8:row", 0.5 / 127},
      {"int8,zstd:9", 0.5 / 127},
      {"int8:row,range", 0.5 / 127},
      {"delta,int8", 0.5 / 127},
      {"delta,int8:row", 0.5 / 127},
      {"delta,int8:row,zstd:3", 0.5 / 127},
      {"delta,int8,range", 0.5 / 127},
      {"float16", 1.0 / 2048},
      {"delta,float16", 1.0 / 2048},
      {"float16,zstd", 1.0 / 2048},
      {"delta,float16,range", 1.0 / 2048},
      {"bfloat16", 1.0 / 256},
      {"delta,bfloat16,zstd", 1.0 / 256},
      {"delta,bfloat16,range", 1.0 / 256},
      {"int4", 0.51 / 7},
      {"delta,int4:row,zstd", 0.51 / 7},
      {"delta,int4:row,range", 0.51 / 7},
      {"delta,int4:stochastic,range", 1.01 / 7},
      {"delta,int4:row:stochastic", 1.01 / 7},
      {"rms_step:0.5", 0.26},
      {"delta,rms_step:1.0,range", 0.51},
      {"delta,rms_step:0.05,zstd", 0.026},
      {"delta,rms_step:0.001,range", 0.51 / 127},
      {"delta,product_step:1", 1.0},
      {"delta,product_step:0.1,range", 1.0},
      {"delta,product_step:1.0,range", 1.0},
      {"delta,top_k:0.3", 1.0},
      {"delta,top_k:0.01,rms_step:1,range", 1.0},
      {"delta,top_k:0.3,int8:row,zstd", 1.0},
      {"delta,segments:2,float16", 1.0},
      {"delta,segments:3,int8,range", 1.0},
      {"delta,segments:2,product_step:1,range", 1.0},
  };
  return cases;
}

inline const std::vector<std::string>& all_chains() {
  static const std::vector<std::string> chains = [] {
    std::vector<std::string> texts;
    for (const ChainCase& one : chain_cases()) {
      texts.push_back(one.text);
    }
    return texts;
  }();
  return chains;
}

}  // namespace lorae::codec
