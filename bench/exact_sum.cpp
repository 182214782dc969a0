// The exact sum of ten updates of ten million floats, beside the time of copying them, each on all
// cores (`taskset -c 0` shows one). "x_copy" is the best time over the best time of the copy, in
// this run; "bytes_of_copy" the bytes moved per second over those of the copy, the sum's own planes
// counted as read and as written. sum_numpy.py reads these lines.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <vector>

#include "aggregation/exact_sum.h"
#include "base/cpu.h"
#include "base/in_parallel.h"
#include "base/seed.h"

namespace {

using namespace lorae;
using aggregation::Contribution;
using aggregation::ExactSum;

constexpr std::size_t kUpdates = 10;
constexpr std::size_t kFloats = 10'000'000;
double fastest_copy = 1e30;  // seconds; benchmarks run in the order of their lines

const std::vector<std::vector<float>>& updates() {
  static const auto all = [] {
    std::vector<std::vector<float>> made(kUpdates, std::vector<float>(kFloats));
    Random random(1);
    for (auto& update : made) {
      for (float& value : update) {
        value = (random.uniform() - 0.5F) * 0.01F;
      }
    }
    return made;
  }();
  return all;
}

std::vector<Contribution> contributions() {
  std::vector<Contribution> all;
  for (const auto& update : updates()) {
    all.push_back({update, 100 + all.size()});
  }
  return all;
}

double seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

/// Runs `work` once per iteration; returns the fastest in seconds.
template <typename Work>
double measure(benchmark::State& state, const Work& work) {
  double fastest = 1e30;
  for (auto _ : state) {
    const double start = seconds();
    work();
    const double took = seconds() - start;
    state.SetIterationTime(took);
    fastest = std::min(fastest, took);
  }
  state.counters["best_ms"] = fastest * 1e3;
  state.counters["x_copy"] = fastest / fastest_copy;
  return fastest;
}

void copy(benchmark::State& state) {
  std::vector<std::vector<float>> to(kUpdates, std::vector<float>(kFloats));
  const auto& from = updates();
  const double fastest = measure(state, [&] {
    constexpr std::size_t kParts = 10;
    constexpr std::size_t kPart = kFloats / kParts;
    in_parallel(kUpdates * kParts, [&](std::int64_t i) {
      const auto k = static_cast<std::size_t>(i) / kParts,
                 at = static_cast<std::size_t>(i) % kParts * kPart;
      std::memcpy(&to[k][at], &from[k][at], kPart * sizeof(float));
    });
    benchmark::ClobberMemory();
  });
  fastest_copy = std::min(fastest_copy, fastest);
  state.counters["x_copy"] = 1;
}

void one_by_one(benchmark::State& state) {
  const std::vector<Contribution> all = contributions();
  ExactSum sum(kFloats);
  measure(state, [&] {
    for (const Contribution& each : all) {
      if (!sum.add(each.values, each.weight)) {
        state.SkipWithError("refused");
      }
    }
  });
}

void batched(benchmark::State& state) {
  const std::vector<Contribution> all = contributions();
  const auto size = static_cast<std::size_t>(state.range(0));
  ExactSum sum(kFloats);
  const double fastest = measure(state, [&] {
    for (std::size_t at = 0; at < all.size(); at += size) {
      if (!sum.add(std::span(all).subspan(at, std::min(size, all.size() - at)))) {
        state.SkipWithError("refused");
      }
    }
  });
  const double additions = std::ceil(double(all.size()) / double(size));
  const double bytes = double(kFloats) * (4.0 * double(all.size()) + 32.0 * additions);
  const double copied = double(kFloats) * 8.0 * double(kUpdates);
  state.counters["bytes_of_copy"] = bytes / fastest / (copied / fastest_copy);
}

void merge(benchmark::State& state) {
  ExactSum sum(kFloats);
  const ExactSum part(kFloats);
  measure(state, [&] { sum.merge(part); });
}

void mean(benchmark::State& state) {
  ExactSum sum(kFloats);
  if (!sum.add(contributions())) {
    state.SkipWithError("refused");
  }
  std::vector<double> out(kFloats);
  measure(state, [&] { sum.mean(out); });
}

constexpr int kRuns = 12;
BENCHMARK(copy)->Iterations(kRuns)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(one_by_one)->Iterations(kRuns)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(batched)->Arg(2)->Arg(5)->Arg(10)->Iterations(kRuns)->UseManualTime()->Unit(
    benchmark::kMillisecond);
BENCHMARK(merge)->Iterations(kRuns)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(mean)->Iterations(kRuns)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) {
  benchmark::AddCustomContext("loops", std::string(name_of(chosen_cpu())));
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
