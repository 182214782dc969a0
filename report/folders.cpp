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

/// A folder of a comparison, and how its methods are called there.
struct Named {
  FolderConfig config;
  std::vector<std::string> names;
};

/// `method` of `folder`, by a name that none of `earlier` has.
std::string free_name(const std::vector<Named>& earlier,
                      const std::string& method,
                      const fs::path& folder) {
  const auto taken = [&](const std::string& name) {
    return std::ranges::any_of(
        earlier, [&](const Named& one) { return std::ranges::count(one.names, name) > 0; });
  };
  std::string name = method;
  for (int number = 1; taken(name); ++number) {
    name = str(method, " (", folder.filename().string(), number > 1 ? str(' ', number) : "", ")");
  }
  return name;
}

/// Those of the folder whose other seeds these are, or names of its own.
std::vector<std::string> names_of(const std::vector<Named>& earlier,
                                  const FolderConfig& config,
                                  const fs::path& folder) {
  const auto shares_seeds = [&](const Named& other) {
    return std::ranges::any_of(config.seeds, [&](std::int64_t seed) {
      return std::ranges::count(other.config.seeds, seed) > 0;
    });
  };
  for (const Named& one : earlier) {
    const bool apart = std::ranges::none_of(earlier, [&](const Named& other) {
      return other.names == one.names && shares_seeds(other);
    });
    if (apart && one.config.text_of_runs() == config.text_of_runs()) {
      return one.names;
    }
  }
  std::vector<std::string> names;
  for (const FolderConfig::Method& method : config.methods) {
    names.push_back(free_name(earlier, method.name, folder));
  }
  return names;
}

void add_simulation(const fs::path& folder, const Named& named, ComparisonDetails& details) {
  const auto& [config, names] = named;
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
      const bool ended = config.stop > 0 && details.records.back().finished;
      run.planned_rounds = ended ? run.rounds : config.rounds;
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
  std::vector<Named> all;
  for (const fs::path& given : folders) {
    const fs::path folder = fs::weakly_canonical(given);
    const FolderConfig config = read_folder_config(folder / runs::kConfigFile);
    if (details.config.empty()) {
      details.comparison.baseline = config.baseline;
    }
    details.config += folders.size() > 1 ? str("# ", given.string(), "\n") : "";
    details.config += config.text;
    all.push_back({config, names_of(all, config, folder)});
    add_simulation(folder, all.back(), details);
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
