#pragma once

#include <filesystem>
#include <string>

#include "tensors/state_dict.h"

namespace lorae::adapters {

/// What a global adapter needs beside its numbers to be used: docs/adapter_format.md.
struct AdapterInfo {
  std::string model;  ///< registry name of the backbone, for example "resnet8"
  std::string kind;   ///< "lorae", "head" or "full"
  std::int64_t classes = 0;
  std::int64_t rank = 0;  ///< 0 unless kind is "lorae"
  double alpha = 0;
  std::uint64_t round = 0;
  std::string base_digest;  ///< hex digest of the backbone that it was trained on
};

struct Adapter {
  AdapterInfo info;
  StateDict state;
};

/// Writes a safetensors file whose metadata describes the adapter.
void save_adapter(const std::filesystem::path& path, const Adapter& adapter);

/// Errors: kCorruptData if it is no safetensors file; kIncompatible if it is not an adapter of a
///         format version that this build reads.
Adapter load_adapter(const std::filesystem::path& path);

/// Errors: kIncompatible, saying which of model, classes, kind, rank, alpha or base
///         differs.
void check_fits(const AdapterInfo& adapter, const AdapterInfo& wanted);

}  // namespace lorae::adapters
