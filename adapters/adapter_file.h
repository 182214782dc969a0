#pragma once

#include <filesystem>

#include "adapters/description.h"
#include "tensors/state_dict.h"

namespace lorae::adapters {

struct Adapter {
  AdapterInfo info;
  StateDict state;
};

/// Writes a safetensors file whose metadata describes the adapter.
void save_adapter(const std::filesystem::path& path, const Adapter& adapter);

/// An adapter to compute with: where the file has cores and bases, it has the mappers of them.
/// Errors: kCorruptData if it is no safetensors file, or a core has no basis of its shape;
///         kIncompatible if it is not an adapter of a format version that this build reads.
Adapter load_adapter(const std::filesystem::path& path);
/// The same, with the tensors that the file has.
Adapter load_adapter_as_kept(const std::filesystem::path& path);

/// Errors: kIncompatible, saying which of model, classes, kind, head, norm, backbone or of a
/// layer's
///         values differs.
void check_fits(const AdapterInfo& adapter, const AdapterInfo& wanted);

}  // namespace lorae::adapters
