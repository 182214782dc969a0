#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>

namespace lorae {

/// "a, b, c".
std::string join(std::span<const std::string> parts, std::string_view separator = ", ");

/// The candidate nearest to `word` by edit distance, or "" if none is near.
std::string nearest(std::string_view word, const std::set<std::string>& candidates);

/// ASCII letters in lower case; other bytes as they are.
std::string lower_case(std::string_view text);

/// As one word of a POSIX shell: in '...', unless nothing in it needs that.
std::string shell_quoted(std::string_view text);

}  // namespace lorae
