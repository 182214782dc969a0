#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace lorae {

/// Where keys, caches and runs live when nobody says otherwise: $LORAE_HOME, else
/// $XDG_STATE_HOME/lorae, else ~/.local/state/lorae.
/// Errors: kInvalidConfig if none of the three is set.
std::filesystem::path default_home();

/// The variable of the environment that default_home takes: "LORAE_HOME", "XDG_STATE_HOME" or
/// "HOME"; "" if none is set.
std::string_view default_home_variable();

/// "~" and "~/images" with $HOME in place of the "~", as a shell gives them; all else as it is. For
/// paths that no shell saw: in a file, in quotes, behind "--home=".
std::string expand_user(std::string_view path);

}  // namespace lorae
