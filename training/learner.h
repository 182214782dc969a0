#pragma once

#include <memory>
#include <stop_token>

#include "base/ids.h"
#include "base/metrics.h"
#include "data/dataset.h"
#include "tasks/task.h"
#include "training/fit.h"
#include "training/plan.h"

namespace lorae::training {

/// One model instance that plays the part of any client in any round: load a global state, fit,
/// read the local state.
/// Threads: none; one per thread.
class Learner {
 public:
  /// Computes on `device`; what is loaded and read may be on any.
  /// Errors: kIncompatible if the backbone is one of another model.
  Learner(const Plan& plan, const StateDict& backbone, at::Device device = at::kCPU);

  /// What this method trains and sends: adapters and head, all weights, or the head; with norms
  /// that are trained, their means and variances, too. The tensors are the model's own. Before any
  /// `load` they hold the run's first global state.
  const StateDict& trainable() const { return trainable_; }

  /// Factors of the adapters that stay as they start: nobody sends them, and a file of
  /// `trainable` needs them. Mostly empty.
  const StateDict& constant() const { return constant_; }

  /// What it trains and never sends: with norm local the norms, as the backbone has them before any
  /// `load_own`. Else empty. The tensors are the model's own.
  const StateDict& own() const { return own_; }

  /// Takes up what a client kept of its own, or, for nullptr, what every client begins with.
  /// Errors: kIncompatible if not aligned with `own`.
  void load_own(const StateDict* kept) { copy_values_(own_, kept ? *kept : first_own_); }

  /// How a file of `trainable` describes itself, and what the model is given and says. `backbone`:
  /// what the constructor got.
  adapters::AdapterInfo description(const StateDict& backbone) const;

  /// Errors: kIncompatible if not aligned with `trainable`.
  void load(const StateDict& global) { copy_values_(trainable_, global); }

  /// Trains for one round on one client's images, of each adapter `rank_max` components at most if
  /// that is not 0: the first ones.
  /// Formula: the plan's optimiser at learning_rate * factor; mappers at ratio times that.
  FitResult fit_round(const data::DatasetPtr& images,
                      std::string_view client,
                      RoundId round,
                      double learning_rate_factor,
                      std::int64_t rank_max = 0);

  /// Instead of training, of a classifier: adds to the head the means over `images` of their
  /// features, each in the row of its class, and, in the bias, of the classes. Nothing else moves.
  /// Source: the gradient of the sum of each image's logit of its own class.
  FitResult add_class_sums(const data::DatasetPtr& images);

  /// The task's metrics on `images`. Gives up, with any result, when a stop is requested.
  Metrics evaluate(const data::DatasetPtr& images, const std::stop_token& stop = {}) const;

  const tasks::Task& task() const { return *task_; }
  models::Model& model() const { return *model_; }

  /// Of the plain model, without adapters and BatchNorm statistics.
  std::int64_t total_parameters() const { return total_parameters_; }

 private:
  Plan plan_;
  std::unique_ptr<tasks::Task> task_;
  std::unique_ptr<models::Model> model_;
  StateDict trained_;    // parameters
  StateDict trainable_;  // of those what is sent and, of norms that are trained, statistics
  StateDict constant_;
  StateDict own_, first_own_;
  std::int64_t total_parameters_ = 0;
};

}  // namespace lorae::training
