// What a training step of a yolov8n costs: network, loss, backward, clipping, Adam.
//
// Usage: bench_detection_step DATA KIND FROM [STEPS [SIDE [BATCH [THREADS]]]]
// DATA: a set of objects. KIND: full, or lorae (rank 8, last layers, norms folded). FROM: "memory",
// pictures as they are; "changed", with mosaic and colours, but made beforehand; "loader", the same
// while it trains, by two threads. Prints {"ms": mean of a step, "peak_mb": of the process}.
// bench/detection_speed.py compares.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "base/process.h"
#include "data/formats/open.h"
#include "models/model.h"
#include "tasks/task.h"
#include "tensors/threads.h"
#include "tensors/torch.h"
#include "training/optimizer.h"
#include "training/trainable.h"

namespace {

using namespace lorae;

constexpr int kWarmUp = 3;
constexpr double kClip = 10;

struct Wanted {
  std::string data, kind, from;
  long steps = 12, side = 320, batch = 8, threads = 2;
};

/// As `lorae train` makes it, and what it trains of it.
StateDict prepare(models::Model& model, const std::string& kind) {
  using adapters::Head;
  StateDict trained = training::all_parameters(model);
  if (kind == "lorae") {
    training::attach_adapters(model, {.rank = 8}, adapters::Factors::kBoth, Head::kLast, Seed{2});
    trained = training::trainable_of(model, adapters::Kind::kLorae, adapters::Factors::kBoth,
                                     Head::kLast, adapters::Norm::kFrozen);
    model.fold_norms();
  }
  model.train_only(trained);
  model.set_batch_norm_learning(kind == "full");
  return trained;
}

data::AugmentOptions changes(const std::string& from) {
  if (from == "memory") {
    return data::kNoAugmentation;
  }
  return {.mosaic = 1,
          .mosaic_off = 0,
          .translate = 0.1,
          .scale = 0.5,
          .hue = 0.015,
          .saturation = 0.7,
          .value = 0.4};
}

/// Batches for ever, epoch after epoch.
class Stream {
 public:
  explicit Stream(data::Loader& loader) : loader_(loader) {}
  data::Batch next() {
    auto batch = loader_.next();
    while (!batch || batch->size() < loader_.options().batch_size) {  // all of one size
      if (!batch) {
        loader_.start(++epoch_);
      }
      batch = loader_.next();
    }
    return *std::move(batch);
  }

 private:
  data::Loader& loader_;
  std::int64_t epoch_ = 0;
};

void train_on(models::Model& model,
              const tasks::Task& task,
              training::Optimizer& optimizer,
              const data::Batch& batch) {
  optimizer.zero_gradients();
  const tasks::Loss loss = [&] {
    const models::TrainingPass pass(model, Seed{3});
    return task.loss(model, batch);
  }();
  (loss.total * static_cast<double>(batch.size())).backward();
  optimizer.clip_gradients(optimizer.gradient_norm(), kClip);
  optimizer.step({});
}

double mean_milliseconds(const Wanted& wanted) {
  use_threads(wanted.threads);
  const data::ImageShape shape{3, wanted.side, wanted.side};
  const auto set =
      data::held_if_small(data::open_dataset(wanted.data, 3, data::Split::kTrain), shape);
  const auto model = models::build({.name = "yolov8n",
                                    .stem = "standard",
                                    .classes = std::ssize(set->classes()),
                                    .channels = 3,
                                    .height = wanted.side,
                                    .width = wanted.side,
                                    .pool = 1,
                                    .mean = {0.0},
                                    .standard_deviation = {1.0}},
                                   Seed{1});
  const StateDict trained = prepare(*model, wanted.kind);
  const auto task = tasks::make_task("detection", tasks::settings_for(model->options()));
  const auto optimizer = training::make_optimizer(
      {.name = "adam", .beta1 = 0.937},
      training::parameter_groups(
          trained, {.learning_rate = 1e-9, .weight_decay = 5e-4, .decay_all = false}));
  data::LoaderOptions options =
      tasks::learning_options(*task, *model, changes(wanted.from), /*epochs=*/1);
  options.batch_size = wanted.batch;
  options.workers = wanted.from == "loader" ? 2 : 0;
  data::Loader loader(set, options, Seed{4});
  Stream stream(loader);
  std::vector<data::Batch> held;
  for (long i = 0; wanted.from != "loader" && i < wanted.steps + kWarmUp; ++i) {
    held.push_back(stream.next());
  }
  std::optional<std::chrono::steady_clock::time_point> start;
  for (long step = -kWarmUp; step < wanted.steps; ++step) {
    if (step == 0) {
      start = std::chrono::steady_clock::now();
    }
    train_on(*model, *task, *optimizer,
             held.empty() ? stream.next() : held[static_cast<std::size_t>(step + kWarmUp)]);
  }
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - *start)
             .count() /
         static_cast<double>(wanted.steps);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs(
        "usage: bench_detection_step DATA full|lorae memory|changed|loader "
        "[STEPS [SIDE [BATCH [THREADS]]]]\n",
        stderr);
    return 64;
  }
  Wanted wanted{.data = argv[1], .kind = argv[2], .from = argv[3]};
  long* const numbers[] = {&wanted.steps, &wanted.side, &wanted.batch, &wanted.threads};
  for (int i = 4; i < argc && i < 8; ++i) {
    *numbers[i - 4] = std::atol(argv[i]);
  }
  const double milliseconds = mean_milliseconds(wanted);
  std::printf("{\"ms\": %.3f, \"peak_mb\": %.1f}\n", milliseconds, peak_memory_mb());
  return 0;
}
