// What the loss of a YOLO costs beside the network, forward and backward.
//
// Usage: bench_yolo_loss [MODEL [SIDE [BATCH [OBJECTS per image [CLASSES]]]]]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>

#include "models/model.h"
#include "models/nets/yolo/yolo.h"
#include "tasks/vision/yolo_loss.h"
#include "tensors/threads.h"
#include "tensors/torch.h"
#include "training/trainable.h"

namespace {

using namespace lorae;

/// Milliseconds of the fastest of some runs, on one core: of the process, whatever else runs.
double fastest(const std::function<void()>& work) {
  double best = 1e300;
  for (int i = 0; i < 7; ++i) {
    const std::clock_t start = std::clock();
    work();
    best = std::min(best, 1000.0 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return best;
}

std::vector<at::Tensor> all_of(const models::yolo::HeadMaps& maps) {
  std::vector<at::Tensor> all = maps.raw;
  if (maps.proto.defined()) {
    all.insert(all.end(), {maps.coefficients, maps.proto});
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, long value) { return argc > i ? std::atol(argv[i]) : value; };
  const std::int64_t side = argument(2, 320), batch = argument(3, 8), objects = argument(4, 8);
  const models::ModelOptions options{.name = argc > 1 ? argv[1] : "yolov8n",
                                     .stem = "standard",
                                     .classes = argument(5, 20),
                                     .channels = 3,
                                     .pool = 1};
  use_one_thread();
  torch::manual_seed(1);
  const auto model = models::build(options, Seed{1});
  model->train_only(training::all_parameters(*model));
  model->set_batch_norm_learning(true);
  model->set_training(Seed{1});
  auto& detector = dynamic_cast<models::yolo::Detector&>(model->network());
  const at::Tensor images = torch::rand({batch, 3, side, side});

  const at::Tensor low = torch::rand({batch * objects, 2}) * 0.7;
  const at::Tensor boxes =
      at::cat({low, (low + 0.03 + torch::rand({batch * objects, 2}) * 0.4).clamp_max(1)}, 1);
  const tasks::vision::Targets targets{
      boxes * side, torch::randint(0, options.classes, {batch * objects}, at::kLong),
      torch::arange(batch).repeat_interleave(objects)};

  std::vector<at::Tensor> slopes;
  for (const at::Tensor& map : all_of(detector.maps(images))) {
    slopes.push_back(torch::ones_like(map) * 1e-6);
  }
  const double network =
      fastest([&] { torch::autograd::backward(all_of(detector.maps(images)), slopes); });

  models::yolo::HeadMaps maps = detector.maps(images);
  for (at::Tensor& map : maps.raw) {
    map = map.detach().requires_grad_(true);
  }
  tasks::vision::MaskTargets masks;
  if (maps.proto.defined()) {
    maps.coefficients = maps.coefficients.detach().requires_grad_(true);
    maps.proto = maps.proto.detach().requires_grad_(true);
    masks.masks = torch::randint(0, objects + 1, {batch, side / 4, side / 4}, at::kByte);
  }
  const auto* wanted = maps.proto.defined() ? &masks : nullptr;
  std::int64_t positives = 0;
  const double forward =
      fastest([&] { positives = tasks::vision::yolo_loss(maps, targets, {}, wanted).positives; });
  const double loss =
      fastest([&] { tasks::vision::yolo_loss(maps, targets, {}, wanted).total.backward(); });
  std::printf(
      "%s %ld x %ld, batch %ld, %ld objects, %ld anchors learn: network %.1f ms, loss %.1f "
      "ms (forward %.1f), %.1f %%\n",
      options.name.c_str(), static_cast<long>(side), static_cast<long>(side),
      static_cast<long>(batch), static_cast<long>(batch * objects), static_cast<long>(positives),
      network, loss, forward, 100 * loss / network);
}
