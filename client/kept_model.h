#pragma once

#include <filesystem>

#include "adapters/adapter_file.h"

namespace lorae::client {

inline constexpr const char* kAdapterFile = "adapter.safetensors";
inline constexpr const char* kBackboneFile = "backbone.safetensors";

/// Makes `folder` hold a model that can be used by itself: the adapter and, beside it, a link to
/// its `backbone`, or a copy where links cannot be. What lay there before is replaced; a crash
/// leaves the old pair, the new one, or a folder without an adapter.
/// Errors: kInvalidConfig if `folder` cannot be made; kUnavailable if the disk is full.
void keep_model(const std::filesystem::path& folder,
                const adapters::Adapter& adapter,
                const std::filesystem::path& backbone);

/// True if `folder` holds what keep_model makes.
bool is_kept_model(const std::filesystem::path& folder);

}  // namespace lorae::client
