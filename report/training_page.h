#pragma once

#include <filesystem>

#include "report/page.h"

namespace lorae::report {

/// A training of `lorae train`: losses, metrics and rates by epoch, and how its best model was
/// judged, from its folder's results.csv, config.toml, figures.json, predictions.jpg and, once it
/// has ended, train.json.
/// Errors: kInvalidConfig if a file cannot be read; kCorruptData if it is not what a training
/// writes.
Page training_page(const std::filesystem::path& folder);

}  // namespace lorae::report
