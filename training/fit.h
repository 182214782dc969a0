#pragma once

#include <functional>
#include <vector>

#include "data/image_set.h"
#include "models/model.h"

namespace lorae::training {

/// Tensors that share a learning rate.
struct ParameterGroup {
  std::vector<at::Tensor> parameters;
  double learning_rate = 0;
  double weight_decay = 0;
};

struct SgdLoop {
  std::int64_t epochs = 1;
  std::int64_t batch_size = 32;
  double momentum = 0.9;
  double clip_norm = 0;  ///< 0: no clipping
  /// The step's learning rate as a fraction of the group's; the argument is progress in [0, 1).
  std::function<double(double)> schedule = [](double) { return 1.0; };
  std::function<void(std::int64_t images)> on_batch = [](std::int64_t) {};
};

struct FitResult {
  std::int64_t num_examples = 0;  ///< images in the set
  std::int64_t steps = 0;
  double loss = 0;  ///< mean over the last epoch
};

/// Trains `model` on `images` by SGD with (heavy-ball) momentum, reshuffled every epoch by `seed`.
/// Deterministic on one thread.
/// Errors: kInvalidArgument if the set is empty.
FitResult fit(models::Model& model,
              const data::ImageSet& images,
              const std::vector<ParameterGroup>& groups,
              const SgdLoop& loop,
              Seed seed);

}  // namespace lorae::training
