#pragma once

#include <filesystem>
#include <string_view>

namespace lorae::runs {

/// Throws kCorruptData: the journal at `path` is damaged, how, and what a person can do.
[[noreturn]] void fail_damaged(const std::filesystem::path& path, std::string_view how);

/// The first look at the file of a journal, before SQLite does anything to it or to its log.
/// Errors: kCorruptData if it is missing, no file, empty, or begins like no database.
void check_head(const std::filesystem::path& path);

}  // namespace lorae::runs
