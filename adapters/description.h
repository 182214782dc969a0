#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lorae::adapters {

/// Written; 2 is read, too.
inline constexpr int kFormatVersion = 3;

/// The adapter of one layer in a file.
struct LayerDescription {
  std::string name;
  std::int64_t kernel = 0;  ///< 0: linear
  std::int64_t stride = 1, groups = 1;
  std::int64_t rank = 0;  ///< of each group
  double alpha = 0;
  double scaling = 0;  ///< W_eff = W + scaling * B A

  bool operator==(const LayerDescription&) const = default;
};

/// What a global adapter needs beside its numbers to be used: docs/adapter_format.md.
struct AdapterInfo {
  std::string model;  ///< registry name of the backbone, for example "resnet8"
  std::string kind;   ///< "lorae", "head" or "full"
  std::int64_t classes = 0;
  std::uint64_t round = 0;
  std::string base_digest = {};  ///< hex digest of the backbone that it was trained on
  std::string head = "full";     ///< "full": its weights are in the file; "frozen": the backbone's
  std::string norm = "frozen";   ///< "affine": the norms' weights and biases are in the file
  std::string task = "classification";        ///< what it was trained for
  std::vector<LayerDescription> layers = {};  ///< empty unless kind is "lorae"
};

/// JSON on one line; the same text for the same description.
std::string description_text(const AdapterInfo& info);

/// Reads a text that anybody may have written; fields that it does not know are skipped.
/// Errors (returned): kCorruptData, naming the field and what was expected; kIncompatible for
/// a version of the format that this build does not read, saying what to do.
Result<AdapterInfo> parse_description(std::string_view text);

}  // namespace lorae::adapters
