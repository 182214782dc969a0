#include "report/folders.h"

#include <algorithm>

#include "base/atomic_file.h"
#include "base/str.h"
#include "base/text.h"
#include "report/figure_sections.h"
#include "report/folder_config.h"
#include "report/run_page.h"
#include "report/training_page.h"
#include "runs/run_directory.h"

namespace lorae::report {
namespace {

constexpr const char* kPageFile = "report.html";

bool has(const Comparison& comparison, const std::string& name, std::int64_t seed) {
  return std::ranges::any_of(comparison.runs, [&](const ComparisonRun& run) {
    return run.name == name && run.seed == static_cast<std::uint64_t>(seed);
  });
}

/// The name of a method of `folder` among those that are there already.
std::string free_name(const Comparison& comparison,
                      const FolderConfig& config,
                      const std::string& method,
                      const fs::path& folder) {
  const bool taken = std::ranges::any_of(
      config.seeds, [&](std::int64_t seed) { return has(comparison, method, seed); });
  return taken ? str(method, " (", folder.filename().string(), ")") : method;
}

void add_simulation(const fs::path& folder,
                    const FolderConfig& config,
                    ComparisonDetails& details) {
  std::vector<std::string> names;
  for (const FolderConfig::Method& method : config.methods) {
    names.push_back(free_name(details.comparison, config, method.name, folder));
  }
  std::vector<std::string> missing;
  for (const std::int64_t seed : config.seeds) {
    for (std::size_t i = 0; i < config.methods.size(); ++i) {
      const FolderConfig::Method& method = config.methods[i];
      const fs::path path = run_path(folder, method.name, seed);
      if (!fs::exists(path / runs::kConfigFile)) {
        missing.push_back(str(names[i], " seed ", seed));
        continue;
      }
      details.records.push_back(read_run(path));
      ComparisonRun& run =
          details.comparison.runs.emplace_back(comparison_run(details.records.back()));
      run.name = names[i];
      run.method = method.kind;
      run.seed = static_cast<std::uint64_t>(seed);
      run.planned_rounds = config.rounds;
      run.clients = config.clients;
      run.cohort = config.cohort;
    }
  }
  details.notes.push_back(config.summary());
  if (!missing.empty()) {
    details.notes.push_back("Not begun yet: " + join(missing));
  }
}

}  // namespace

Content content_of(const fs::path& folder) {
  const bool configured = fs::exists(folder / runs::kConfigFile);
  if (configured && fs::is_directory(folder / "runs")) {
    return Content::kSimulation;
  }
  if (configured && fs::exists(folder / runs::kJournalFile)) {
    return Content::kRun;
  }
  check(configured && fs::exists(folder / "results.csv"), ErrorCode::kInvalidConfig, "[report] '",
        folder.string(),
        "' holds nothing to report: expected config.toml and, beside it, runs/ of lorae-simulate, "
        "journal.db of a coordinator's run, or results.csv of lorae train");
  return Content::kTraining;
}

fs::path run_path(const fs::path& out, const std::string& method, std::int64_t seed) {
  return out / "runs" / str(method, "-seed", seed);
}

ComparisonDetails read_simulations(std::span<const fs::path> folders) {
  ComparisonDetails details;
  for (const fs::path& folder : folders) {
    const FolderConfig config = read_folder_config(folder / runs::kConfigFile);
    if (details.config.empty()) {
      details.comparison.baseline = config.baseline;
    }
    details.config += folders.size() > 1 ? str("# ", folder.string(), "\n") : "";
    details.config += config.text;
    add_simulation(fs::weakly_canonical(folder), config, details);
  }
  details.notes.emplace_back(
      "Bytes are framed bytes: what a process hands to its socket. The frozen backbone is fetched "
      "once and counted apart.");
  return details;
}

void write_simulations(const ComparisonDetails& details, const fs::path& out) {
  ensure_directory(out);
  write_comparison(out / "comparison.json", details.comparison);
  write_file_atomic(out / "curves.csv", curves_csv(details.comparison));
  write_page(out / kPageFile, comparison_page(details));
}

void write_single_report(const fs::path& folder, const fs::path& out) {
  ensure_directory(out);
  Page page;
  if (content_of(folder) == Content::kRun) {
    page = run_page(read_folder_config(folder / runs::kConfigFile), read_run(folder));
    page.sections.push_back(sheets_section(folder));
  } else {
    page = training_page(folder);
  }
  write_page(out / kPageFile, page);
}

}  // namespace lorae::report
