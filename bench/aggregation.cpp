// Weighted mean of K updates of 300,000 floats; the peak memory of the process is a counter, so
// that 100 and 1,000 updates can be compared.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "aggregation/weighted_mean.h"
#include "tensors/threads.h"
#include "tensors/torch.h"

namespace {

using namespace lorae;

constexpr std::int64_t kFloats = 300000;

void weighted_mean(benchmark::State& state) {
  use_one_thread();
  const StateDict delta({{"w", torch::randn({kFloats})}});
  for (auto _ : state) {
    aggregation::WeightedMean mean;
    for (std::int64_t client = 0; client < state.range(0); ++client) {
      mean.add(delta.clone(), client + 1);  // an update of its own, freed before the next comes
    }
    benchmark::DoNotOptimize(mean.finish());
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_rss_kB"] = static_cast<double>(usage.ru_maxrss);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(weighted_mean)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);

}  // namespace
