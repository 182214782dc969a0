#pragma once

#include "data/image_set.h"
#include "data/open.h"
#include "data/partition.h"
#include "training/plan.h"

namespace lorae::training {

/// The image shape that a model takes.
data::ImageShape input_shape(const models::ModelOptions& model);

/// The experiment's images, divided as the options say; the division depends on the seed alone.
/// Errors: kInvalidConfig if the data set is missing or smaller than asked for.
data::ImageSet public_images(const DataOptions& options,
                             const models::ModelOptions& model,
                             Seed seed);
data::ImageSet private_images(const DataOptions& options,
                              const models::ModelOptions& model,
                              Seed seed);
data::ImageSet test_images(const DataOptions& options,
                           const models::ModelOptions& model,
                           Seed seed);

/// Which of `images` belong to each of `shares` clients, by the options' partition.
data::Shares private_shares(const DataOptions& options,
                            const data::ImageSet& images,
                            std::int64_t shares,
                            Seed seed);

/// Errors: kIncompatible if the images have labels that the model has no output for.
void check_classes(const data::ImageSet& images, const models::ModelOptions& model);

}  // namespace lorae::training
