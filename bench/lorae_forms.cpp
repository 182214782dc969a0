// Training step of one LoRAE convolution: the three forms, and a full convolution beside them. Pins
// adapters::cheapest_form. One thread.
#include <benchmark/benchmark.h>

#include "adapters/conv2d.h"
#include "tensors/threads.h"
#include "tensors/torch.h"

namespace {

using namespace lorae;

enum class What { kBranch, kMerged, kThin, kFull };

void train_step(benchmark::State& state, What what) {
  use_one_thread();
  const std::int64_t channels = state.range(0);
  const std::int64_t side = state.range(1);
  adapters::Conv2d conv(
      {.in_channels = channels, .out_channels = channels, .kernel = 3, .padding = 1}, Seed{1});
  if (what != What::kFull) {
    conv.attach(8, 16, Seed{2});
    conv.extractor.set_requires_grad(true);
    conv.mapper.set_requires_grad(true);
    conv.form = what == What::kBranch   ? adapters::Form::kBranch
                : what == What::kMerged ? adapters::Form::kMerged
                                        : adapters::Form::kThin;
  } else {
    conv.weight.set_requires_grad(true);
  }
  const at::Tensor x = torch::randn({32, channels, side, side}).set_requires_grad(true);
  for (auto _ : state) {
    conv.forward(x, {}, {}).sum().backward();
  }
}

void sizes(benchmark::internal::Benchmark* bench) {
  bench->Args({32, 14})->Args({64, 7})->Args({128, 4})->Args({128, 16})->Args({256, 8})->Args(
      {512, 4});
  bench->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(train_step, branch, What::kBranch)->Apply(sizes);
BENCHMARK_CAPTURE(train_step, merged, What::kMerged)->Apply(sizes);
BENCHMARK_CAPTURE(train_step, thin, What::kThin)->Apply(sizes);
BENCHMARK_CAPTURE(train_step, full, What::kFull)->Apply(sizes);

}  // namespace
