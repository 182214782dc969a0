// What a stage costs: time for one float32 in the column "per value".
#include <benchmark/benchmark.h>

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

void report(benchmark::State& state, double values) {
  state.counters["per value"] = benchmark::Counter(
      values, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
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

}  // namespace
