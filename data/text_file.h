#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lorae::data {

/// A file of text in UTF-8, without a byte order mark.
/// Errors (returned): kUnavailable, with why, if it cannot be read; kCorruptData, "expected UTF-8,
/// got ...", if it is in another encoding or has zero bytes.
Result<std::string> read_text(const std::filesystem::path& path);

/// Lines without their ends, "\n" or "\r\n"; what follows the last end is a line if it is not
/// empty.
std::vector<std::string_view> lines_of(std::string_view text);

/// Words between blanks and tabs.
std::vector<std::string_view> words_of(std::string_view line);

std::string_view trimmed(std::string_view text);

/// A number that is all of `text`: decimal, with "." and an exponent, or "nan" and "inf".
std::optional<double> number_of(std::string_view text);

/// A name, as an error shows it: in quotes, cut where it is long.
std::string shown(std::string_view text);

/// The names of a classes.txt or the like, one a line, empty lines left out.
std::vector<std::string> names_in(std::string_view text);

/// The cells of a line of CSV; "a ""quoted"", cell" is one. Nothing if a quote is not closed.
std::optional<std::vector<std::string>> csv_cells(std::string_view line);

}  // namespace lorae::data
