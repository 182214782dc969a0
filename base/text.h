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

/// True if all of it is UTF-8, as TOML and JSON have to be.
bool is_utf8(std::string_view text);

enum class Lines { kOne, kMany };

/// Text that others made, such as a tensor's name, as a terminal may get it: control characters,
/// bytes that are not UTF-8 and marks that turn the direction of writing are shown as "\x1b".
/// With kMany line ends and tabs stay.
std::string printable(std::string_view text, Lines lines = Lines::kOne);

/// The beginning of UTF-8 text that takes at most `columns` of a terminal, each character one.
std::string_view cut(std::string_view text, std::size_t columns);

}  // namespace lorae
