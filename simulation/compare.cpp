#include "simulation/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/atomic_file.h"
#include "base/log.h"
#include "base/progress.h"
#include "experiment/run_choice.h"
#include "report/folders.h"
#include "runs/journal.h"
#include "runs/run_directory.h"
#include "simulation/scenario.h"
#include "tensors/threads.h"

namespace lorae::simulation {
namespace {

namespace fs = std::filesystem;
using experiment::MethodConfig;
using experiment::RunConfig;

template <typename Visit>
void for_each_run(const RunConfig& config, Visit&& visit) {
  for (const std::int64_t seed : config.simulation.seeds) {
    for (const MethodConfig& method : config.methods) {
      visit(method, seed);
    }
  }
}

bool has_run(const fs::path& directory) {
  return fs::exists(directory / runs::kConfigFile);
}

bool is_finished(const fs::path& directory, const coordinator::FederationOptions& federation) {
  return has_run(directory) &&
         coordinator::is_over(
             runs::Journal(runs::RunDirectory::journal_of(directory), runs::Journal::Mode::kRead),
             federation);
}

/// What `out` holds, with the methods, seeds and rounds that are new. Errors: kInvalidConfig if a
/// method there would become another.
RunConfig extended(const fs::path& out, const RunConfig& before, const RunConfig& now) {
  RunConfig all = now;
  for (const MethodConfig& method : before.methods) {
    const auto same = std::ranges::find(now.methods, method.name, &MethodConfig::name);
    if (same == now.methods.end()) {
      all.methods.push_back(method);
    }
    const auto differences = experiment::identity_differences(
        experiment::of_method(before, method),
        experiment::of_method(now, same == now.methods.end() ? method : *same));
    check(differences.empty(), ErrorCode::kInvalidConfig, "[simulate] '", out.string(),
          "' holds a simulation with another configuration: ", method.name, ": ",
          text_of(differences),
          "; methods, seeds and rounds can be added, the rest needs another --out");
  }
  for (const std::int64_t seed : before.simulation.seeds) {
    if (std::ranges::find(now.simulation.seeds, seed) == now.simulation.seeds.end()) {
      all.simulation.seeds.push_back(seed);
    }
  }
  check(now.federation.rounds >= before.federation.rounds, ErrorCode::kInvalidConfig,
        "[simulate] '", out.string(), "' has runs of ", before.federation.rounds,
        " rounds; rounds can be added, not taken away, got ", now.federation.rounds);
  return all;
}

/// Makes or extends the folder of a simulation; gives the configuration of all that it will hold.
RunConfig prepare_out(const SimulationSettings& settings) {
  const fs::path file = settings.out / runs::kConfigFile;
  RunConfig config = settings.config;
  if (fs::exists(file)) {
    check(settings.resume, ErrorCode::kInvalidConfig, "[simulate] '", settings.out.string(),
          "' holds a simulation already; give --resume to go on with it, or another --out");
    ConfigReader reader = ConfigReader::load(file);
    const RunConfig before = experiment::read_run_config(reader);
    config = extended(settings.out, before, settings.config);
    for (const auto& one : experiment::operating_differences(before, config)) {
      log_info("config.changed", one.key, ' ', one.before, " -> ", one.now);
    }
  }
  ensure_directory(settings.out / "runs");
  check(fs::exists(file) || fs::is_empty(settings.out / "runs"), ErrorCode::kCorruptData,
        "[simulate] '", settings.out.string(),
        "' holds runs but not the config.toml that they were made with; restore it from a copy, or "
        "give another --out");
  write_file_atomic(file, experiment::print_run_config(config));
  return config;
}

void log_speed(const MethodConfig& method,
               std::int64_t seed,
               const ScenarioSpeed& speed,
               std::size_t places) {
  if (speed.trainings == 0) {
    return;
  }
  const auto trainings = static_cast<double>(speed.trainings);
  log_info("run.speed", "method=", method.name, " seed=", seed, " trainings=", speed.trainings,
           " per_second=", trainings / (speed.seconds - speed.evaluation_seconds),
           " places=", places, " busy=",
           speed.training_seconds / static_cast<double>(places) /
               (speed.seconds - speed.evaluation_seconds),
           " evaluation_seconds=", speed.evaluation_seconds);
}

/// What decides which images are loaded, and in which size.
std::string images_of(const RunConfig& config) {
  ConfigPrinter printer;
  printer.print("model", static_cast<const models::ModelOptions&>(config.model));
  printer.print("data", config.data);
  return printer.text();
}

/// The main metric for the progress bar: "top1 71.3 %".
std::string progress_note(const Metrics& metrics) {
  return metrics.empty()
             ? ""
             : fmt::format("{} {:.1f} %", metrics.main_name(), 100 * metrics.begin()->second);
}

}  // namespace

report::Comparison simulate(const SimulationSettings& settings) {
  const std::vector<at::Device> places = places_of(settings.config);
  const RunConfig config = prepare_out(settings);
  use_one_thread();
  std::optional<FederationData> data;
  std::string loaded;  // of which configuration
  for_each_run(config, [&](const MethodConfig& method, std::int64_t seed) {
    const fs::path directory = report::run_path(settings.out, method.name, seed);
    if (is_finished(directory, config.federation)) {
      return;
    }
    const RunConfig own = experiment::of_method(config, method);
    if (std::string wanted = images_of(own); !data || wanted != loaded) {
      data.reset();
      data = load_federation_data(own);
      loaded = std::move(wanted);
    }
    const auto run_seed = static_cast<std::uint64_t>(seed);
    // Before the backbone is trained: what cannot be dealt is told at once.
    const data::Shares shares = shares_of(own, *data, run_seed);
    // The backbone's own progress bar comes before this run's.
    experiment::Run made = experiment::make_run(own, method, run_seed, settings.home);
    Progress progress(str(method.name, " seed ", seed), config.federation.rounds, "rounds");
    RoundId shown;
    std::string note;
    const auto on_round = [&](const coordinator::RoundSummary& round, const Metrics& metrics) {
      note = progress_note(metrics);
      progress.add(static_cast<std::int64_t>(round.round.value - shown.value), note);
      shown = round.round;
    };
    const std::string backbone = made.backbone_path.string();
    const auto speed = run_scenario({own, method, run_seed, directory, places, on_round},
                                    std::move(made), *data, shares);
    progress.finish(note);
    log_info("run.done", "directory=", directory.string(), " backbone=", backbone);
    log_speed(method, seed, speed, places.size());
  });
  const fs::path folders[] = {settings.out};
  const report::ComparisonDetails details = report::read_simulations(folders);
  report::write_simulations(details, settings.out);
  return details.comparison;
}

}  // namespace lorae::simulation
