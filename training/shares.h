#pragma once

#include <filesystem>

#include "data/classes.h"
#include "data/dataset.h"
#include "data/partition.h"
#include "training/plan.h"

namespace lorae::training {

/// The image shape that a model takes.
data::ImageShape input_shape(const models::ModelOptions& model);

/// The names of the run's classes, in the order of its labels. Errors: as public_images.
std::vector<std::string> class_names(const DataOptions& options);

/// The experiment's images, divided as the options say; the division depends on the seed alone.
/// A shift turns the private and the test images alike. Small sets are decoded and held in memory.
/// Errors: kInvalidConfig if the data set is missing or smaller than asked for, or if a shift is
/// asked for of data that are not the demonstration's.
data::DatasetPtr public_images(const DataOptions& options,
                               const models::ModelOptions& model,
                               Seed seed);
data::DatasetPtr private_images(const DataOptions& options,
                                const models::ModelOptions& model,
                                Seed seed);
data::DatasetPtr test_images(const DataOptions& options,
                             const models::ModelOptions& model,
                             Seed seed);

/// Which of `images` belong to each of `shares` clients, by the options' partition.
data::Shares private_shares(const DataOptions& options,
                            const data::Dataset& images,
                            std::int64_t shares,
                            Seed seed);

/// What a client holds of its own, under the run's labels; never altered. `part`: only that share
/// of it. Errors: those of open_dataset and match_classes; kInvalidConfig if the run shifts its
/// images, so that these would not be of the same kind.
data::DatasetPtr own_images(const std::filesystem::path& path,
                            const data::ClassMap& map,
                            const data::SharePart& part,
                            const Plan& plan);

/// Errors: kIncompatible if the images have labels that the model has no output for.
void check_classes(const data::Dataset& images, const models::ModelOptions& model);

}  // namespace lorae::training
