#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "adapters/adapter_file.h"
#include "models/model.h"

namespace lorae::models {

/// An adapter's share of a sum of several.
struct WeightedAdapter {
  const adapters::Adapter* adapter = nullptr;
  double weight = 1.0;
};

/// The tensors of a backbone that a sum of adapters changes, merged and ready for use.
/// Formula: W + sum of weight_i * scaling_i * B_i A_i; for tensors that adapters hold whole (head,
/// norms, all of kind "full"): T + sum of weight_i * (T_i - T).
/// `plain`: the backbone's tensors, of `model` before any of this; norms that `model` has folded
/// scale what adapters add.
/// Errors: kIncompatible if an adapter does not fit, or holds norms that the model has folded.
StateDict merged_weights(const Model& model,
                         const StateDict& plain,
                         const std::vector<WeightedAdapter>& sum);

/// A model for inference with named adapters of one backbone, exchanged while it runs.
///
/// Threads: `predict` from any number, one batch at a time; `swap` and `blend` from any: it merges
/// beside the running batch and waits for none. A batch sees one adapter only; the next one sees
/// the new.
class LiveModel {
 public:
  /// `backbone`: without adapters. `fold_norms`: faster, but adapters that hold norms do not fit.
  explicit LiveModel(std::unique_ptr<Model> backbone, bool fold_norms = true);

  std::vector<Output> predict(const at::Tensor& images);

  /// Replaces one of the same name. Errors: kIncompatible if it does not fit.
  void add(const std::string& name, adapters::Adapter adapter);

  /// From the next batch on: the sum of these adapters, names and weights; none: the backbone.
  /// Errors: kInvalidArgument for an unknown name; the model stays as it was.
  void blend(const std::vector<std::pair<std::string, double>>& sum);
  void swap(const std::string& name) { blend({{name, 1.0}}); }

 private:
  void install(const StateDict& weights);

  std::unique_ptr<Model> model_;
  StateDict plain_;                           ///< what the model's tensors were at first
  std::map<std::string, at::Tensor*> slots_;  ///< where the model has them

  std::mutex running_;               ///< for a batch; guards the model's tensors and installed_
  std::set<std::string> installed_;  ///< names whose tensors are not the plain ones

  std::mutex exchange_;  ///< for an instant; guards pending_
  std::optional<StateDict> pending_;

  std::mutex merging_;  ///< guards adapters_
  std::map<std::string, adapters::Adapter> adapters_;
};

}  // namespace lorae::models
