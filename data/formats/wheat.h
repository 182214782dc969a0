#pragma once

#include <string>
#include <vector>

#include "data/formats/half.h"

namespace lorae::data {

/// True for a folder with Kaggle's train.csv of GlobalWheat2020 (image_id ... bbox, source) or with
/// folders images/ethz_1 and labels/ethz_1.
bool holds_wheat(const std::filesystem::path& path);

/// Wheat heads by site. Tested on ethz_1; with Halves::kHonest it is not trained on. Domains: the
/// sites. In train.csv pictures without a wheat head have no row: they are known by their files
/// alone, belong to no site and are trained on.
/// Errors: BadData for a CSV file without the columns; kInvalidConfig if a half is not there.
Half find_wheat(const std::filesystem::path& path, Split split, const OpenOptions& options);

std::vector<std::string> wheat_classes(const std::filesystem::path& path,
                                       const OpenOptions& options);

}  // namespace lorae::data
