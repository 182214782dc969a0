#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "report/comparison_page.h"

namespace lorae::report {

namespace fs = std::filesystem;

inline constexpr const char* kPageFile = "report.html";

/// What lies in a folder, by its files: config.toml with runs/, with journal.db, or with
/// results.csv.
enum class Content { kSimulation, kRun, kTraining };

/// Errors: kInvalidConfig for a folder that holds none of them.
Content content_of(const fs::path& folder);

/// The folder of one method and seed of a simulation in `out`.
fs::path run_path(const fs::path& out, const std::string& method, std::int64_t seed);

/// The simulations in `folders` as one comparison, finished or not. Folders of one configuration
/// with other seeds are taken together; else a name that an earlier folder has gets its own
/// folder's name behind it. Errors: those of the journals.
ComparisonDetails read_simulations(std::span<const fs::path> folders);

/// Writes comparison.json, curves.csv and report.html into `out`.
void write_simulations(const ComparisonDetails& details, const fs::path& out);

/// Writes report.html of the run or the training in `folder` into `out`.
void write_single_report(const fs::path& folder, const fs::path& out);

}  // namespace lorae::report
