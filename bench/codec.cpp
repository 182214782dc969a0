// What a stage costs: time for one float32 in the column "per value", float32 a second in
// "bytes_per_second", and that as a part of what memcpy does in the same run in "of memcpy".
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>

#include "base/seed.h"
#include "codec/chain.h"
#include "codec/quantisers/float16.h"
#include "codec/quantisers/int8.h"

namespace {

using namespace lorae;
using codec::Block;
using codec::Blocks;

constexpr std::int64_t kRows = 75, kRow = 2000;

/// 300,000 normal deviates: an extractor with a scale for each row, and a mapper with one for each
/// of 8 columns.
Blocks state_of(std::uint64_t seed) {
  Random random(seed);
  Blocks blocks = {{"conv1.extractor", {kRows, kRow}, 0, std::vector<float>(kRows * kRow)},
                   {"conv1.mapper", {kRows * kRow / 8, 8}, 1, std::vector<float>(kRows * kRow)}};
  for (Block& block : blocks) {
    for (float& value : block.values) {
      value = static_cast<float>(0.01 * random.normal());
    }
  }
  return blocks;
}

/// Bytes a second of the fastest of many copies of as much as the chains encode.
double copied_per_second() {
  static const double rate = [] {
    std::vector<float> from(2 * kRows * kRow, 1.0F), to(from.size());
    const std::size_t size = from.size() * sizeof(float);
    double fastest = 1e9;
    for (int i = 0; i < 200; ++i) {
      const auto start = std::chrono::steady_clock::now();
      std::memcpy(to.data(), from.data(), size);
      benchmark::DoNotOptimize(to.data());
      benchmark::ClobberMemory();
      fastest = std::min(
          fastest,
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return static_cast<double>(size) / fastest;
  }();
  return rate;
}

void report(benchmark::State& state, double values) {
  using benchmark::Counter;
  const double bytes = values * sizeof(float);
  state.counters["per value"] =
      Counter(values, Counter::kIsIterationInvariantRate | Counter::kInvert);
  state.counters["of memcpy"] =
      Counter(bytes / copied_per_second(), Counter::kIsIterationInvariantRate);
  state.SetBytesProcessed(static_cast<std::int64_t>(static_cast<double>(state.iterations()) * bytes));
}

/// One block of two by a quantiser.
template <typename Format>
void block(benchmark::State& state, Format format, std::size_t index, bool encode) {
  Block block = state_of(1)[index];
  Bytes bytes;
  format.encode({block, block.values}, bytes);
  for (auto _ : state) {
    if (encode) {
      bytes.clear();
      format.encode({block, block.values}, bytes);
      benchmark::DoNotOptimize(bytes.data());
    } else {
      benchmark::DoNotOptimize(format.decode(bytes, block));
    }
    benchmark::ClobberMemory();
  }
  report(state, static_cast<double>(block.values.size()));
}

void chain(benchmark::State& state, const char* text, bool encode) {
  const auto chain = codec::Chain::parse(text);
  const Blocks global = state_of(1), local = state_of(2);
  const codec::Layout layout = codec::layout_of(global);
  const Bytes payload = chain.encode(local, global).payload;
  for (auto _ : state) {
    if (encode) {
      benchmark::DoNotOptimize(chain.encode(local, global));
    } else {
      benchmark::DoNotOptimize(chain.decode_delta(payload, layout, global));
    }
  }
  report(state, 2.0 * kRows * kRow);
}

void all_finite(benchmark::State& state) {
  const Blocks blocks = state_of(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(codec::all_finite(blocks));
    benchmark::ClobberMemory();
  }
  report(state, 2.0 * kRows * kRow);
}

void subtract(benchmark::State& state) {
  const Blocks global = state_of(1), local = state_of(2);
  for (auto _ : state) {
    benchmark::DoNotOptimize(codec::subtract(local, global));
  }
  report(state, 2.0 * kRows * kRow);
}

constexpr std::size_t kExtractor = 0, kMapper = 1;
constexpr codec::Int8 kInt8{codec::ScalePer::kTensor}, kInt8Row{codec::ScalePer::kRow};

BENCHMARK_CAPTURE(block, encode_int8, kInt8, kExtractor, true);
BENCHMARK_CAPTURE(block, encode_int8_row_extractor, kInt8Row, kExtractor, true);
BENCHMARK_CAPTURE(block, encode_int8_row_mapper, kInt8Row, kMapper, true);
BENCHMARK_CAPTURE(block, decode_int8, kInt8, kExtractor, false);
BENCHMARK_CAPTURE(block, decode_int8_row_extractor, kInt8Row, kExtractor, false);
BENCHMARK_CAPTURE(block, decode_int8_row_mapper, kInt8Row, kMapper, false);
BENCHMARK_CAPTURE(block, encode_float16, codec::Float16{}, kExtractor, true);
BENCHMARK_CAPTURE(block, decode_float16, codec::Float16{}, kExtractor, false);
BENCHMARK(all_finite);
BENCHMARK(subtract);
BENCHMARK_CAPTURE(chain, encode_float32, "float32", true);
BENCHMARK_CAPTURE(chain, decode_float32, "float32", false);
BENCHMARK_CAPTURE(chain, encode_delta, "delta", true);
BENCHMARK_CAPTURE(chain, encode_delta_int8_row, "delta,int8:row", true);
BENCHMARK_CAPTURE(chain, decode_delta_int8_row, "delta,int8:row", false);
BENCHMARK_CAPTURE(chain, encode_delta_int8_row_zstd, "delta,int8:row,zstd", true);
BENCHMARK_CAPTURE(chain, decode_delta_int8_row_zstd, "delta,int8:row,zstd", false);

constexpr const char* kRms = "delta,rms_step:1.0,range";
constexpr const char* kProduct = "delta,product_step:1.0,range";
constexpr const char* kTopK = "delta,top_k:0.01,rms_step:1.0,range";
BENCHMARK_CAPTURE(chain, encode_delta_rms_step_range, kRms, true);
BENCHMARK_CAPTURE(chain, decode_delta_rms_step_range, kRms, false);
BENCHMARK_CAPTURE(chain, encode_delta_product_step_range, kProduct, true);
BENCHMARK_CAPTURE(chain, decode_delta_product_step_range, kProduct, false);
BENCHMARK_CAPTURE(chain, encode_delta_int4_row_range, "delta,int4:row,range", true);
BENCHMARK_CAPTURE(chain, decode_delta_int4_row_range, "delta,int4:row,range", false);
BENCHMARK_CAPTURE(chain, encode_delta_int8_range, "delta,int8,range", true);
BENCHMARK_CAPTURE(chain, decode_delta_int8_range, "delta,int8,range", false);
BENCHMARK_CAPTURE(chain, encode_delta_top_k_range, kTopK, true);
BENCHMARK_CAPTURE(chain, decode_delta_top_k_range, kTopK, false);
BENCHMARK_CAPTURE(chain, encode_delta_bfloat16, "delta,bfloat16", true);
BENCHMARK_CAPTURE(chain, decode_delta_bfloat16, "delta,bfloat16", false);

}  // namespace
