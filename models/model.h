#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/description.h"
#include "models/layers/network.h"
#include "models/layers/options.h"
#include "tensors/state_dict.h"

namespace lorae::models {

/// A place for a tensor of the state dict.
struct NamedSlot {
  std::string name;
  at::Tensor* tensor = nullptr;
};

/// A network with what all of them share: input, weights by name, adapters, freezing.
///
/// Tensor names are those of the reference packages ("layer1.0.conv1.weight",
/// "model.22.cv2.0.0.conv.weight"); an adapter adds "layer1.0.conv1.extractor" and ".mapper".
/// Threads: none; one instance per thread.
class Model {
 public:
  /// Draws every weight from `seed`, each tensor from a stream of its own; without one they hold
  /// anything, until they are loaded.
  Model(ModelOptions options, std::unique_ptr<Network> network, std::optional<Seed> seed);

  /// Pools first if the options say so.
  /// Shape: [N, C, H, W] normalised images in; a classifier gives [N, classes] logits.
  at::Tensor forward(const at::Tensor& images);
  /// What inference gives: Network::predict.
  std::vector<Output> predict(const at::Tensor& images);

  const ModelOptions& options() const { return options_; }
  /// To compute with what only its family has; it takes images as they are, without a pool. Cores
  /// that are trained or loaded later are for the next call.
  Network& network();

  /// Every tensor that the reference's state dict has, in its order, without adapters.
  std::vector<NamedTensor> state() const;
  /// Where the model holds each of them: a tensor put there takes its place.
  std::vector<NamedSlot> slots();
  /// All weights and BatchNorm statistics without adapters: the file that a client fetches once.
  StateDict backbone() const;
  /// Extractors and mappers; empty without adapters.
  StateDict adapter() const;
  /// The tensors of Network::head ("fc.weight", "fc.bias"), or of Network::branches, without
  /// their norms.
  StateDict head() const;
  StateDict branches() const;
  /// Weights that full-parameter training changes: the parameters less the norms'.
  StateDict weights() const;
  /// The norms' weights and biases; not those of norms that are frozen by design.
  StateDict norm_affines() const;
  /// The running means and variances of BatchNorm.
  StateDict norm_statistics() const;

  /// Layers that can carry an adapter, in state-dict order.
  struct Adaptable {
    adapters::LayerShape shape;
    adapters::AdaptedWeight* weight = nullptr;
  };
  const std::vector<Adaptable>& adaptable() const { return adaptable_; }

  /// Puts adapters where the policy says; layer L draws from seed.derive("extractor", L).
  /// Errors: kInvalidConfig if it takes no layer, or names one that is not there.
  void attach_adapters(const adapters::LoraeOptions& options, Seed seed);
  /// Those of a file, with extractors of zero, too.
  /// Errors: kIncompatible if a layer is not there or is of another geometry.
  void attach_adapters(const std::vector<adapters::LayerDescription>& layers);
  /// Makes the mapper of every adapter one of a core of zeros; layer L has its basis by `init` and
  /// seed.derive("basis", L). Errors: kInvalidConfig for a layer with groups.
  void attach_cores(adapters::ExtractorInit init, Seed seed);
  /// Cores and bases of the adapters that have them.
  StateDict cores() const;
  /// The adapters as a file describes them.
  std::vector<adapters::LayerDescription> adapter_layers() const;

  /// Merges all adapters into the weights: the backbone's graph, parameters and cost. `state` then
  /// gives the merged weights under the reference's names.
  void fuse();
  /// Gives the backbone back bit for bit; the adapters act as before.
  void unfuse();

  /// Folds every frozen BatchNorm that follows a convolution into it, for good: fewer operations
  /// and tensors, the same outputs. Adapters, fused or not, now or later, act as before. GroupNorm
  /// stays, and so does what follows a convolution whose own weight is trained (`train_only`).
  /// Errors: kInvalidArgument if BatchNorm learns.
  void fold_norms();

  /// Whether BatchNorm uses and updates batch statistics in training: where all of a network is
  /// trained. Else it is frozen.
  void set_batch_norm_learning(bool learns);
  /// The mode of every layer: training, for one forward pass whose layers draw from `noise`, each
  /// from a stream that its name chooses; or, without one, inference, which is the start.
  void set_training(std::optional<Seed> noise);

  /// Freezes everything, then lets autograd see the tensors of `trainable`.
  void train_only(const StateDict& trainable);

  /// Converts every floating-point tensor, adapters included, in place: every handle to one stays
  /// what it was.
  void to(c10::ScalarType type);
  /// Moves every tensor to a device, in place.
  void to(at::Device device);
  /// Where its tensors are, and in what its weights compute.
  at::Device device() const;
  c10::ScalarType type() const;

  /// All convolutions in state-dict order, with their names.
  const std::vector<std::pair<std::string, adapters::Conv2d*>>& convolutions() const {
    return convolutions_;
  }

 private:
  StateDict weights_of(const std::vector<std::string>& layers) const;
  at::Tensor pooled(const at::Tensor& images) const;
  void take_cores();
  const at::Tensor& any_weight() const { return convolutions_.front().second->weight; }
  template <typename Change>
  void change_tensors(Change change);

  ModelOptions options_;
  std::unique_ptr<Network> network_;
  std::vector<std::pair<std::string, adapters::Conv2d*>> convolutions_;
  std::vector<Adaptable> adaptable_;
  std::vector<std::pair<std::string, NormLayer*>> norms_;
  std::vector<Layer*> layers_;
  std::vector<std::pair<std::string, Dropout*>> dropouts_;
};

/// While it lives, the model is in training, for one forward pass.
class TrainingPass {
 public:
  TrainingPass(Model& model, Seed noise) : model_(model) { model.set_training(noise); }
  ~TrainingPass() { model_.set_training(std::nullopt); }
  TrainingPass(const TrainingPass&) = delete;
  TrainingPass& operator=(const TrainingPass&) = delete;

 private:
  Model& model_;
};

/// The names of all models, in the order of families and sizes.
const std::vector<std::string>& model_names();

/// What a model is made for: "classification", "detection", "segmentation" or "semantic".
/// Errors: kInvalidConfig for an unknown name.
std::string_view task_of(const std::string& model);

/// Outputs of a model that are no class of the pictures: 1 if it has one for the background.
std::int64_t background_outputs(const std::string& model);

/// Builds a model with weights drawn from `seed`; without one they hold anything.
/// Errors: kInvalidConfig for an unknown name; the message lists the known ones.
std::unique_ptr<Model> build(const ModelOptions& options, std::optional<Seed> seed);

}  // namespace lorae::models
