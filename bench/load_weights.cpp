// Time and memory to load a model's weights, against reading the file alone.
//
// Usage: bench_load_weights [MODEL]. Each in a process of its own, the file in the page cache;
// loaded weights are touched page by page, as a first forward would.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/atomic_file.h"
#include "bench/child.h"
#include "models/weights.h"
#include "tensors/safetensors.h"
#include "tensors/torch.h"

namespace {

using namespace lorae;
using Clock = std::chrono::steady_clock;

using bench::in_child;
using bench::Measured;

/// Time and peak memory of `work`, in a process of its own.
template <typename Work>
Measured cost_of(Work&& work) {
  return in_child([&] {
    const double before = bench::peak_mebibytes();
    const auto start = Clock::now();
    work();
    return Measured{std::chrono::duration<double>(Clock::now() - start).count(),
                    bench::peak_mebibytes() - before};
  });
}

/// One number of every page.
double touch(const models::Model& model) {
  constexpr std::int64_t kPage = 1024;  // floats
  double sum = 0;
  for (const models::NamedTensor& entry : model.state()) {
    if (entry.tensor.scalar_type() == at::kFloat) {
      const float* values = entry.tensor.data_ptr<float>();
      for (std::int64_t i = 0; i < entry.tensor.numel(); i += kPage) {
        sum += values[i];
      }
    }
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const models::ModelOptions options{.name = argc > 1 ? argv[1] : "yolov8x",
                                     .stem = "standard",
                                     .classes = 80,
                                     .channels = 3,
                                     .pool = 1};
  const auto path = std::filesystem::temp_directory_path() / "lorae_bench_load.safetensors";
  cost_of([&] { save_safetensors(path, models::build(options, Seed{1})->backbone()); });
  const double size = static_cast<double>(std::filesystem::file_size(path)) / (1 << 20);
  volatile double sink = 0;
  Measured read, load;
  for (int round = 0; round < 5; ++round) {
    const Measured one = cost_of([&] { sink = static_cast<double>(read_file(path).size()); });
    const Measured two = cost_of([&] {
      const auto model = models::build(options, std::nullopt);
      models::load_weights(*model, map_safetensors(path).state);
      sink = touch(*model);
    });
    read.seconds = std::min(read.seconds, one.seconds);
    load.seconds = std::min(load.seconds, two.seconds);
    read.mebibytes = std::max(read.mebibytes, one.mebibytes);
    load.mebibytes = std::max(load.mebibytes, two.mebibytes);
  }
  std::printf(
      "%s, file of %.0f MiB\n  read  %7.1f ms  %6.0f MiB\n  load  %7.1f ms  %6.0f MiB\n"
      "  load: time %.2fx of reading, peak memory %.2fx of the model\n",
      options.name.c_str(), size, read.seconds * 1e3, read.mebibytes, load.seconds * 1e3,
      load.mebibytes, load.seconds / read.seconds, load.mebibytes / size);
  std::filesystem::remove(path);
}
