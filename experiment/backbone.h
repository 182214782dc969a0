#pragma once

#include <filesystem>

#include "training/plan.h"

namespace lorae::experiment {

/// Trains a backbone on the public images, or takes the one that an earlier run with the same
/// options and seed left in `cache`; shows a progress bar. The file's name is the digest of all
/// options that shape it.
/// Errors: as public_images; kCorruptData if the cached file is damaged.
StateDict pretrained_backbone(const training::Plan& plan,
                              const training::PretrainingOptions& options,
                              const std::filesystem::path& cache);

}  // namespace lorae::experiment
