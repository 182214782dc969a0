// Inference of one image on one thread: the backbone, the fused adapter, the adapter unfused, and
// the time of a swap. Usage: bench_inference [MODEL SIDE]... default: yolov8n 640 resnet50 224.
// bench/inference.py runs torchvision's models beside it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "models/adapted/live_model.h"
#include "tensors/threads.h"
#include "tensors/torch.h"

namespace {

using namespace lorae;
using Clock = std::chrono::steady_clock;

constexpr int kRepeats = 15;

std::unique_ptr<models::Model> backbone(const std::string& name) {
  return models::build({.name = name, .stem = "standard", .classes = 80, .channels = 3, .pool = 1},
                       Seed{1});
}

template <typename Run>
double milliseconds(Run&& run) {
  const auto start = Clock::now();
  run();
  return 1e3 * std::chrono::duration<double>(Clock::now() - start).count();
}

/// An adapter that does something.
adapters::Adapter adapter(const std::string& name) {
  const auto model = backbone(name);
  model->attach_adapters({.rank = 8}, Seed{2});
  for (const auto& [tensor_name, tensor] : model->adapter()) {
    if (tensor_name.ends_with(adapters::kMapperSuffix)) {
      tensor.uniform_(-0.01, 0.01);
    }
  }
  return {{.model = name,
           .kind = adapters::Kind::kLorae,
           .classes = 80,
           .layers = model->adapter_layers()},
          model->adapter()};
}

void measure(const std::string& name, std::int64_t side) {
  const torch::NoGradGuard no_grad;
  const at::Tensor x = torch::rand({1, 3, side, side});
  const auto plain = backbone(name), fused = backbone(name), unfused = backbone(name);
  for (const auto& model : {plain.get(), fused.get(), unfused.get()}) {
    model->fold_norms();
  }
  for (const auto& model : {fused.get(), unfused.get()}) {
    model->attach_adapters({.rank = 8}, Seed{2});
  }
  fused->fuse();
  models::LiveModel live(backbone(name));
  live.add("a", adapter(name));
  double best[4] = {1e30, 1e30, 1e30, 1e30};
  for (int i = 0; i < kRepeats; ++i) {  // in turn, so that all see the same machine
    best[0] = std::min(best[0], milliseconds([&] { plain->predict(x); }));
    best[1] = std::min(best[1], milliseconds([&] { fused->predict(x); }));
    best[2] = std::min(best[2], milliseconds([&] { unfused->predict(x); }));
    best[3] = std::min(best[3], milliseconds([&] { live.swap("a"); }));
    live.predict(x);
  }
  std::printf("%s %lld: backbone %.1f ms, fused %.2fx, unfused %.2fx, swap %.2f ms\n", name.c_str(),
              static_cast<long long>(side), best[0], best[1] / best[0], best[2] / best[0], best[3]);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  use_one_thread();
  if (argc < 3) {
    measure("yolov8n", 640);
    measure("resnet50", 224);
  }
  for (int i = 1; i + 1 < argc; i += 2) {
    measure(argv[i], std::stoll(argv[i + 1]));
  }
}
