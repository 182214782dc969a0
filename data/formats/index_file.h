#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "data/formats/half.h"

namespace lorae::data {

/// Where indexes are kept: $XDG_CACHE_HOME/lorae/index, else ~/.cache/lorae/index; nothing if
/// neither is set.
std::optional<std::filesystem::path> index_folder();

/// Below so many pictures all is read each time.
inline constexpr std::int64_t kIndexedPictures = 1000;

/// What `find` finds, with all labels: as an index in `folder` has it, if none of the files and
/// folders behind it has changed since (size, time of change), else read, and kept there. An index
/// that is damaged or cannot be written is no error.
/// `key`: all that the half depends on beside files: path, format, options.
Known indexed(const std::optional<std::filesystem::path>& folder,
              const std::string& key,
              const std::function<Half()>& find,
              std::int64_t at_least = kIndexedPictures);

}  // namespace lorae::data
