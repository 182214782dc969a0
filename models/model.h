#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/conv2d.h"
#include "base/config_reader.h"
#include "tensors/state_dict.h"

namespace lorae::models {

/// Which network, for what images and classes.
struct ModelOptions {
  std::string name = "resnet8";
  std::int64_t classes = 10;
  std::int64_t channels = 1;
  std::int64_t height = 28;
  std::int64_t width = 28;
  std::int64_t pool = 2;
  double mean = 0.2860;
  double standard_deviation = 0.3530;
};

template <typename Visitor>
void visit_fields(ModelOptions& options, Visitor&& visit) {
  visit("name", options.name, one_of({"resnet8", "resnet18"}), "architecture of the backbone");
  visit("classes", options.classes, between(2, 100000), "outputs of the head");
  visit("channels", options.channels, between(1, 4), "of an input image");
  visit("height", options.height, between(8, 4096), "of an input image, pixels");
  visit("width", options.width, between(8, 4096), "of an input image, pixels");
  visit("pool", options.pool, between(1, 8), "average-pool the image by this factor first");
  visit("mean", options.mean, between(0, 1), "of the pixels in [0, 1], taken off the input");
  visit("standard_deviation", options.standard_deviation, between(0.001, 1), "the input's divisor");
}

/// BatchNorm's tensors. Frozen (the only state outside pre-training) it is an affine map with the
/// running statistics.
struct BatchNorm {
  at::Tensor weight, bias;               ///< gamma, beta: [C]
  at::Tensor running_mean, running_var;  ///< [C]
  static constexpr double kEpsilon = 1e-5;
  static constexpr double kMomentum = 0.1;

  explicit BatchNorm(std::int64_t channels);
};

/// An image classifier whose every convolution can carry a LoRAE adapter.
///
/// Tensor names are those of torchvision ("layer1.0.conv1.weight", "fc.bias"); an adapter adds
/// "layer1.0.conv1.extractor" and "layer1.0.conv1.mapper".
/// Threads: none; one instance per thread.
class Model {
 public:
  virtual ~Model() = default;

  /// Shape: [N, C, H, W] float32 normalised images in, [N, classes] logits out.
  virtual at::Tensor forward(const at::Tensor& images) = 0;

  const ModelOptions& options() const { return options_; }

  /// All weights and BatchNorm statistics without adapters: the file that a client fetches once.
  StateDict backbone() const;
  /// Extractors and mappers; empty without adapters.
  StateDict adapter() const;
  /// The classifier: "fc.weight", "fc.bias".
  StateDict head() const;
  /// Weights that full-parameter training changes: the backbone less BatchNorm.
  StateDict weights() const;

  /// Puts an adapter on every convolution; layer L draws from seed.derive("extractor", L).
  void attach_adapters(std::int64_t rank, double alpha, Seed seed);

  /// True while BatchNorm uses and updates batch statistics and its affine is trained: only for
  /// pre-training the backbone.
  void set_batch_norm_training(bool training) { batch_norm_training_ = training; }

  /// Freezes everything, then lets autograd see the tensors of `trainable`.
  void train_only(const StateDict& trainable);

  /// All convolutions in forward order, with their names.
  const std::vector<std::pair<std::string, adapters::Conv2d*>>& convolutions() const {
    return convolutions_;
  }

 protected:
  explicit Model(ModelOptions options) : options_(std::move(options)) {}

  void add(const std::string& name, adapters::Conv2d& conv) {
    convolutions_.emplace_back(name, &conv);
  }
  void add(const std::string& name, BatchNorm& norm) { norms_.emplace_back(name, &norm); }
  void set_head(at::Tensor weight, at::Tensor bias);

  /// conv, then norm: one folded convolution when BatchNorm is frozen.
  at::Tensor conv_norm(const at::Tensor& x, const adapters::Conv2d& conv, BatchNorm& norm) const;
  /// Shape: [N, features] in, [N, classes] out.
  at::Tensor classify(const at::Tensor& features) const;

 private:
  ModelOptions options_;
  bool batch_norm_training_ = false;
  std::vector<std::pair<std::string, adapters::Conv2d*>> convolutions_;
  std::vector<std::pair<std::string, BatchNorm*>> norms_;
  at::Tensor head_weight_, head_bias_;
};

/// Builds a model with weights drawn from `seed`.
/// Errors: kInvalidConfig for an unknown name; the message lists the known ones.
std::unique_ptr<Model> build(const ModelOptions& options, Seed seed);

}  // namespace lorae::models
