#pragma once

#include <filesystem>
#include <vector>

#include "data/formats/half.h"

namespace lorae::data {

/// What a set holds, and all that is wrong with it.
struct Checked {
  std::int64_t images = 0;  ///< of both halves, those that are left out too
  std::int64_t objects = 0;
  std::vector<Problem> problems;
};

/// Reads all labels of both halves and decodes all pictures and masks, by as many threads as there
/// are cores; compares files to find pictures that are there twice, or in both halves.
/// Errors: kInvalidConfig if there is no data set.
Checked check_set(const std::filesystem::path& path, const OpenOptions& options);

}  // namespace lorae::data
