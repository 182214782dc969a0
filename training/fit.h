#pragma once

#include <functional>
#include <memory>

#include "data/loader.h"
#include "tasks/task.h"
#include "tensors/device.h"
#include "training/held.h"
#include "training/loss_scaler.h"
#include "training/optimizer.h"
#include "training/schedule.h"

namespace lorae::training {

struct LoopOptions {
  std::int64_t epochs = 1;
  std::int64_t max_steps = 0;  ///< end after so many batches; 0: at the last epoch's end
  double clip_norm = 0;        ///< of the gradients; 0: no clipping
  /// The gradient is that of all images' losses added up; else the mean over those of a step.
  bool sum_losses = false;
  double average_decay = 0;  ///< of the exponential moving average; 0: none
  double average_ramp =
      0;  ///< steps in which the decay rises to its value; 0: by (1 + n) / (10 + n)
  /// Pulls the weights back to where the fit began: mu / 2 ||w - w_0||^2 beside the loss. 0: not.
  /// Source: FedProx, Li et al. 2020 (arXiv:1812.06127).
  double proximal = 0;
  std::vector<Held> held = {};
  Precision precision = Precision::kFloat32;  ///< on a GPU
  bool measure_norm = false;                  ///< of the gradients, without clipping, too
  Seed noise = {};  ///< what is random in a forward pass: dropout, stochastic depth
  std::function<Pace(const Moment&)> schedule = [](const Moment&) { return Pace{}; };
};

/// A batch that was trained on.
struct FitStep {
  std::int64_t number = 0;  ///< of all steps of a training, from 1
  std::int64_t images = 0;
  tasks::Loss loss;          ///< without a graph; on the model's device
  double learning_rate = 0;  ///< of the first group
  /// Before clipping; undefined if it was not measured. A scalar on the model's device.
  at::Tensor gradient_norm = {};
};

struct FitResult {
  std::int64_t num_examples = 0;  ///< images of the set
  std::int64_t steps = 0;         ///< batches since the beginning
  double loss = 0;                ///< mean over the last epoch that ended
};

/// Trains a model batch by batch, so that its owner can look, save and stop between two of them.
///
/// A function of model, data, options and seeds alone: what is restored from `state` goes on with
/// the bits of a fit that was never stopped. Nothing waits for a device within a step, but for
/// float16, whose steps may have to be left out.
/// Threads: none.
class Fit {
 public:
  /// `average`: the tensors whose moving average is kept, if the options want one.
  Fit(models::Model& model,
      const tasks::Task& task,
      data::Loader& loader,
      std::unique_ptr<Optimizer> optimizer,
      LoopOptions options,
      const StateDict& average = {});

  /// Trains on one batch; nullopt when all epochs are done. Errors: the loader's.
  std::optional<FitStep> step();

  std::int64_t epoch() const { return epoch_; }  ///< that the next batch belongs to, from 0
  bool at_epoch_start() const { return batch_ == 0; }
  std::int64_t steps() const { return steps_; }
  bool done() const;
  /// False between batches whose gradients are accumulated.
  bool can_be_saved() const { return gathered_ == 0; }
  /// The moving average of what the constructor got; empty without one.
  const StateDict& average() const { return average_; }
  FitResult result() const;
  /// Of the epoch that is under way, or of the last one at its end. Waits for the device.
  double mean_loss() const;
  /// The same of each part of the task's loss, in its order; empty if it has none.
  Metrics mean_parts() const;

  /// Everything beside the model that a later step depends on: copies. Errors: kInvalidArgument
  /// between batches whose gradients are accumulated.
  StateDict state() const;
  /// Errors: kIncompatible for the state of another fit.
  void restore(const StateDict& state);

 private:
  void add_losses(const tasks::Loss& loss, std::int64_t images);
  std::int64_t seen_images() const;
  void backward(const at::Tensor& loss, const Pace& pace, std::int64_t images);
  void even_out();
  at::Tensor update(const Pace& pace);
  void pull_back();
  void hold();
  Moment moment() const;

  models::Model& model_;
  const tasks::Task& task_;
  data::Loader& loader_;
  std::unique_ptr<Optimizer> optimizer_;
  LoopOptions options_;
  StateDict averaged_;  // the model's own tensors
  StateDict average_;
  std::vector<at::Tensor>
      began_;  // the optimiser's parameters then; empty unless they are pulled back
  std::vector<at::Tensor> held_values_;  // of options_.held
  std::int64_t epoch_ = 0;
  std::int64_t batch_ = 0;  // of the epoch
  std::int64_t steps_ = 0;
  std::int64_t updates_ = 0;   // of the optimiser
  std::int64_t gathered_ = 0;  // batches whose gradients wait
  double gathered_share_ = 0;  // what they are of a full step
  at::Tensor loss_sum_;        // of the epoch, float64, on the model's device
  std::vector<std::pair<std::string, at::Tensor>> part_sums_;  // likewise
  double last_epoch_loss_ = 0;
  Metrics last_epoch_parts_;
  std::optional<LossScaler> scaler_;  // of float16 on a GPU
};

}  // namespace lorae::training
