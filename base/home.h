#pragma once

#include <filesystem>

namespace lorae {

/// Where keys, caches and runs live when nobody says otherwise: $LORAE_HOME, else
/// $XDG_STATE_HOME/lorae, else ~/.local/state/lorae.
std::filesystem::path default_home();

}  // namespace lorae
