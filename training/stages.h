#pragma once

#include "training/train.h"

namespace lorae::training {

/// Trains one stage of config.stages after the other: each learns the classes of its own, starts
/// from the weights of the one before, and is judged by all classes seen so far. A stage is a
/// training like any other in `out`/stage-N, and with adapters leaves merged.safetensors there, the
/// weights that the next one adapts; `out` itself has config.toml and train.json, the last stage's
/// with a list of all. With `resume`, stages that are done stay.
/// Errors: as `train`; kInvalidConfig for a stage without a class.
TrainSummary train_in_stages(const TrainSettings& settings, const TrainEvents& events);

}  // namespace lorae::training
