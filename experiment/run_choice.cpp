#include "experiment/run_choice.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <set>

#include "base/error.h"
#include "runs/list_runs.h"

namespace lorae::experiment {
namespace {

namespace fs = std::filesystem;

/// Keys of [federation] that say how a run is operated; the others are part of what it is.
const std::set<std::string, std::less<>> kOperating = {
    "federation.rounds",       "federation.min_clients",
    "federation.min_fraction", "federation.report_deadline",
    "federation.heartbeat",    "federation.max_examples",
    "federation.stop",         "federation.keep_updates"};

/// Keys of [simulation] that change what comes out; the others say how it is carried out.
const std::set<std::string, std::less<>> kOfVirtualClients = {"simulation.lose",
                                                              "simulation.rank_max"};

struct Values {
  std::map<std::string, std::string> identity;
  std::map<std::string, std::string> operating;
};

Values values_of(const RunConfig& config) {
  ConfigValues all;
  visit_own(config, [&](const char* section, const auto& options) { all.add(section, options); });
  all.add("method", config.methods.front());
  all.add("federation", config.federation);
  all.add("network", config.network);
  all.add("simulation", config.simulation);
  Values values;
  for (const auto& [key, value] : all.all()) {
    const bool operating = kOperating.contains(key) || key.starts_with("network.") ||
                           (key.starts_with("simulation.") && !kOfVirtualClients.contains(key));
    (operating ? values.operating : values.identity).emplace(key, value);
  }
  ConfigValues compute;
  compute.add("", config.compute);
  values.operating.insert(compute.all().begin(), compute.all().end());
  values.identity["seed"] = std::to_string(config.seed);
  return values;
}

/// The configuration of a run that somebody started. Errors (returned): as read_run_config.
Result<RunConfig> config_of(const runs::FoundRun& run) {
  try {
    ConfigReader reader = ConfigReader::parse(run.config_text, (run.path / "config.toml").string());
    return read_run_config(reader);
  } catch (const Error& error) {
    return Error(ErrorCode::kCorruptData, error.what());
  }
}

[[noreturn]] void fail_damaged(const runs::FoundRun& run, const Error& damage) {
  const std::string what = damage.what();
  const bool says_how = what.find("--fresh") != std::string::npos;
  fail(damage.code(), what,
       says_how ? ""
                : str("; '", run.path.string(), "' is left as it is: mend it, or start a new ",
                      "run with --fresh"));
}

[[noreturn]] void fail_unfinished(const runs::FoundRun& run,
                                  const RunConfig& was,
                                  const RunConfig& now) {
  fail(ErrorCode::kInvalidConfig, "[run] '", run.path.string(), "' stopped after round ",
       run.last_committed, " of ", was.federation.rounds,
       ", and this configuration is another: ", text_of(identity_differences(was, now)),
       "; go on with that run by --run '", run.path.string(), "', or start a new one by --fresh");
}

RunChoice going_on(const runs::FoundRun& run, const RunConfig& was, const RunConfig& now) {
  return {.path = run.path,
          .is_new = false,
          .committed = run.last_committed,
          .changed = operating_differences(was, now),
          .passed_by = {}};
}

fs::path new_path(const fs::path& folder) {
  std::array<char, 32> stamp{};
  const std::time_t now = std::time(nullptr);
  std::strftime(stamp.data(), stamp.size(), "%Y%m%d-%H%M%S", std::gmtime(&now));
  fs::path path = folder / stamp.data();
  for (int i = 2; fs::exists(path); ++i) {
    path = folder / str(stamp.data(), '-', i);
  }
  return path;
}

}  // namespace

std::vector<ConfigDifference> identity_differences(const RunConfig& before, const RunConfig& now) {
  return differences(values_of(before).identity, values_of(now).identity);
}

std::vector<ConfigDifference> operating_differences(const RunConfig& before, const RunConfig& now) {
  return differences(values_of(before).operating, values_of(now).operating);
}

RunChoice choose_run(const fs::path& folder, const RunConfig& config, bool fresh) {
  RunChoice choice{.path = new_path(folder), .changed = {}, .passed_by = {}};
  if (fresh) {
    return choice;
  }
  std::optional<std::pair<runs::FoundRun, RunConfig>> unfinished;  // the newest one
  for (const runs::FoundRun& run : runs::list_runs(folder)) {
    const Result<RunConfig> was =
        run.config_text.empty() && run.damage ? Result<RunConfig>(*run.damage) : config_of(run);
    if (!was && run.finished) {  // such as one of a build that refused less
      choice.passed_by.emplace_back(was.error().what());
      continue;
    }
    if (!was) {
      fail_damaged(run, was.error());  // it may be this one: nobody can tell
    }
    const bool same = identity_differences(*was, config).empty();
    if (run.damage && same) {
      fail_damaged(run, *run.damage);
    }
    if (run.damage) {
      choice.passed_by.emplace_back(run.damage->what());
      continue;
    }
    if (same) {
      return going_on(run, *was, config);
    }
    // One without a round, such as of a command with a mistake in it, has nothing to go on with.
    if (!run.finished && !unfinished && run.last_committed > RoundId{0}) {
      unfinished.emplace(run, *was);
    }
  }
  if (unfinished) {
    fail_unfinished(unfinished->first, unfinished->second, config);
  }
  return choice;
}

RunChoice choose_this_run(const fs::path& run, const RunConfig& config) {
  const std::optional<runs::FoundRun> found = runs::look_into(run);
  check(found.has_value(), ErrorCode::kInvalidConfig, "[run] '", run.string(),
        "' is not the folder of a run: expected a file config.toml in it");
  if (found->damage) {
    fail_damaged(*found, *found->damage);
  }
  const RunConfig was = config_of(*found).value();
  const auto different = identity_differences(was, config);
  check(different.empty(), ErrorCode::kInvalidConfig, "[run] '", run.string(),
        "' is the run of another configuration: ", text_of(different),
        "; leave out the flags that differ, and --config, to go on with it as it is, or start a "
        "new one by --fresh");
  return going_on(*found, was, config);
}

}  // namespace lorae::experiment
