#pragma once

#include <filesystem>
#include <string_view>

namespace lorae {

/// Where keys, caches and runs live when nobody says otherwise: $LORAE_HOME, else
/// $XDG_STATE_HOME/lorae, else ~/.local/state/lorae.
std::filesystem::path default_home();

/// The variable of the environment that default_home takes: "LORAE_HOME", "XDG_STATE_HOME" or
/// "HOME"; "" if none is set.
std::string_view default_home_variable();

}  // namespace lorae
