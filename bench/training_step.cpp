// Time and peak memory of one training step: full fine-tuning against LoRAE, in one run.
//
// Usage: bench_training_step [MODEL...]. Each variant runs in a process of its own, variants in
// turn, some rounds; the ratios are of the fastest steps. Full fine-tuning is what people do: every
// weight, BatchNorm in training mode. Beside it, full with frozen BatchNorm, mappers alone on
// frozen extractors, and the frozen backbone without adapters, forward and back to the first
// convolution's output: what no adapter can be under.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "bench/child.h"
#include "models/model.h"
#include "tensors/threads.h"
#include "tensors/torch.h"

namespace {

using namespace lorae;
using Clock = std::chrono::steady_clock;

struct Subject {
  const char* model;
  std::int64_t batch, side, classes;
};

constexpr Subject kSubjects[] = {{"yolov8n", 4, 320, 20},
                                 {"resnet18", 8, 224, 100},
                                 {"resnet152", 4, 224, 100},
                                 {"yolov8n-cls", 16, 224, 100}};
constexpr int kWarmUp = 1;
constexpr int kSteps = 4;
constexpr int kRounds = 4;

using bench::Measured;

/// Loads what LibTorch loads once, so that it counts for nobody.
void warm_up() {
  const at::Tensor x = torch::rand({1, 8, 16, 16});
  const at::Tensor w = torch::rand({8, 8, 3, 3}).set_requires_grad(true);
  at::silu(at::conv2d(x, w)).sum().backward();
}

StateDict mappers_of(const models::Model& model) {
  std::vector<StateDict::Entry> mappers;
  for (const StateDict::Entry& entry : model.adapter()) {
    if (entry.first.ends_with(adapters::kMapperSuffix)) {
      mappers.push_back(entry);
    }
  }
  return StateDict(std::move(mappers));
}

/// The tensors that the variant trains.
StateDict prepare(models::Model& model, const std::string& variant) {
  std::vector<StateDict::Entry> trained;
  const auto add = [&](const StateDict& part) {
    trained.insert(trained.end(), part.begin(), part.end());
  };
  if (variant.starts_with("full")) {
    add(model.weights());
    if (variant == "full") {
      model.set_batch_norm_learning(true);
      add(model.norm_affines());
    }
  } else if (variant == "floor") {
    model.fold_norms();
    add(StateDict({{"bias", model.convolutions().front().second->bias}}));
  } else {
    model.fold_norms();
    model.attach_adapters({.rank = 8}, Seed{2});
    add(variant == "mapper" ? mappers_of(model) : model.adapter());
    add(model.head());
    for (const auto& [name, conv] : model.convolutions()) {
      if (variant != "chosen" && variant != "mapper") {
        conv->form = variant == "branch"   ? adapters::Form::kBranch
                     : variant == "merged" ? adapters::Form::kMerged
                                           : adapters::Form::kThin;
      }
    }
  }
  return StateDict(std::move(trained));
}

Measured measure(const Subject& subject, const std::string& variant) {
  use_one_thread();
  warm_up();
  const double before = bench::peak_mebibytes();
  const auto model = models::build({.name = subject.model,
                                    .stem = "standard",
                                    .classes = subject.classes,
                                    .channels = 3,
                                    .pool = 1},
                                   Seed{1});
  const StateDict trained = prepare(*model, variant);
  model->train_only(trained);
  std::vector<at::Tensor> parameters;
  for (const auto& [name, tensor] : trained) {
    parameters.push_back(tensor);
  }
  torch::optim::SGD sgd(parameters, torch::optim::SGDOptions(1e-9).momentum(0.9));
  const at::Tensor x = torch::rand({subject.batch, 3, subject.side, subject.side});
  Measured best;
  for (int step = -kWarmUp; step < kSteps; ++step) {
    const auto start = Clock::now();
    sgd.zero_grad();
    {
      const models::TrainingPass pass(*model, Seed{2});
      model->forward(x).square().sum().backward();
    }
    sgd.step();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (step >= 0) {
      best.seconds = std::min(best.seconds, seconds);
    }
  }
  best.mebibytes = bench::peak_mebibytes() - before;
  return best;
}

void compare(const Subject& subject) {
  std::map<std::string, Measured> all;
  const std::vector<std::string> variants = {"full", "full-frozen-bn", "branch", "merged",
                                             "thin", "chosen",         "mapper", "floor"};
  for (int round = 0; round < kRounds; ++round) {
    for (const std::string& variant : variants) {
      const Measured one = bench::in_child([&] { return measure(subject, variant); });
      Measured& best = all[variant];
      best.seconds = std::min(best.seconds, one.seconds);
      best.mebibytes = std::max(best.mebibytes, one.mebibytes);
    }
  }
  std::printf("%s, batch %lld, %lld x %lld\n", subject.model, static_cast<long long>(subject.batch),
              static_cast<long long>(subject.side), static_cast<long long>(subject.side));
  for (const std::string& variant : variants) {
    const Measured& one = all[variant];
    std::printf("  %-15s %8.1f ms %8.0f MiB   time %.2fx  memory %.2fx\n", variant.c_str(),
                one.seconds * 1e3, one.mebibytes, one.seconds / all["full"].seconds,
                one.mebibytes / all["full"].mebibytes);
  }
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  for (const Subject& subject : kSubjects) {
    bool wanted = argc == 1;
    for (int i = 1; i < argc; ++i) {
      wanted |= std::string(argv[i]) == subject.model;
    }
    if (wanted) {
      compare(subject);
    }
  }
}
