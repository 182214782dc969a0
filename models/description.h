#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "models/layers/options.h"
#include "tensors/safetensors.h"

namespace lorae::models {

/// What weights need beside their numbers to be used: the network, what pictures become before it
/// sees them, and what its outputs mean. It travels in the metadata of the files.
struct Description {
  ModelOptions model;
  std::string task = "classification";
  std::vector<std::string> class_names = {};
};

/// JSON on one line: {"name", "stem", "norm_groups", "classes", "class_names", "task", "input":
/// {"channels", "height", "width", "pool", "mean", "standard_deviation"}}; "norm_groups" only where
/// the norms have groups.
std::string description_text(const Description& description);

/// Reads a text that anybody may have written; fields that it does not know are skipped.
/// Errors (returned): kCorruptData, saying which field is wrong.
Result<Description> parse_description(std::string_view text);

/// The metadata of a file of weights.
Metadata metadata_of(const Description& description);
/// The description in a file's metadata, if there is one. Errors: kCorruptData.
std::optional<Description> described(const Metadata& metadata);

}  // namespace lorae::models
