#pragma once

#include "adapters/conv2d.h"
#include "training/learner.h"
#include "training/plan.h"

// A learning problem that takes milliseconds.
namespace lorae::training::testing {

/// Grey 8x8 images of three classes: noise with one bright row, whose place is the class.
data::ImageSet striped_images(std::int64_t count, std::uint64_t seed);

/// The same as a set.
data::DatasetPtr striped_set(std::int64_t count, std::uint64_t seed);

/// A plan for striped_images: resnet8 at 8x8 pixels, three classes.
Plan small_plan(const std::string& kind);

/// A backbone that fits the plan, drawn from `seed`, not trained.
StateDict backbone_of(const Plan& plan, std::uint64_t seed);

/// Of that backbone, with seed 2.
Learner learner_of(const Plan& plan);

/// `state` with mappers that are not zero, so that extractors get gradients too.
StateDict with_mappers(const StateDict& state);

}  // namespace lorae::training::testing
