#pragma once

#include <filesystem>

#include "training/plan.h"

namespace lorae::experiment {

struct Backbone {
  StateDict state;
  std::filesystem::path file;  ///< that holds it, under the reference's names
};

/// Trains a backbone on the public images, or takes the one that an earlier run with the same
/// options and seed left in `cache`; shows a progress bar. With 0 epochs nothing is trained. The
/// file's name is the digest of all options that shape it. Errors: as public_images; kCorruptData
/// if the cached file is damaged.
Backbone pretrained_backbone(const training::Plan& plan,
                             const training::PretrainingOptions& options,
                             const std::filesystem::path& cache,
                             at::Device device = at::kCPU);

/// A backbone of one's own instead: what of `weights` has a place in the plan's model, as `lorae
/// weights convert` takes it; the rest, a head of other classes above all, drawn from the plan's
/// seed. Kept in `cache`, too. Errors: kIncompatible for weights of another model; those of the
/// file.
Backbone own_backbone(const training::Plan& plan,
                      const std::filesystem::path& weights,
                      const std::filesystem::path& cache);

}  // namespace lorae::experiment
