// The exact sum of ten updates of ten million floats, beside the time of copying them. "x_copy" is
// the best time over the best time of the copy, in this run. Times are the thread's on a processor,
// so that other programs on the machine disturb less. sum_numpy.py reads these lines.
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "aggregation/exact_sum.h"
#include "base/cpu.h"
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

/// Of this thread on a processor.
double seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
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
    for (std::size_t k = 0; k < kUpdates; ++k) {
      std::memcpy(to[k].data(), from[k].data(), kFloats * sizeof(float));
    }
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
  measure(state, [&] {
    for (std::size_t at = 0; at < all.size(); at += size) {
      if (!sum.add(std::span(all).subspan(at, std::min(size, all.size() - at)))) {
        state.SkipWithError("refused");
      }
    }
  });
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
