#include "simulation/compare.h"

#include <cstdio>
#include <sstream>
#include <thread>

#include "base/atomic_file.h"
#include "base/log.h"
#include "base/progress.h"
#include "runs/journal.h"
#include "simulation/fleet.h"
#include "simulation/results.h"
#include "simulation/scenario.h"
#include "tensors/threads.h"

namespace lorae::simulation {
namespace {

namespace fs = std::filesystem;
using experiment::RunConfig;

constexpr const char* kSharesFile = "shares.tsv";

template <typename Visit>
void for_each_run(const RunConfig& config, Visit&& visit) {
  for (const std::int64_t seed : config.simulation.seeds) {
    for (const training::MethodOptions& method : config.methods) {
      visit(method, seed);
    }
  }
}

bool is_finished(const fs::path& directory) {
  if (!fs::exists(directory / "journal.db")) {
    return false;
  }
  const runs::Journal journal(directory / "journal.db", runs::Journal::Mode::kRead);
  return journal.meta(runs::kStateKey) == runs::kStateFinished;
}

void prepare_out(const SimulationSettings& settings) {
  ensure_directory(settings.out / "runs");
  const fs::path file = settings.out / "config.toml";
  const std::string text = experiment::print_run_config(settings.config);
  if (fs::exists(file)) {
    check(settings.resume, ErrorCode::kInvalidConfig, "[simulate] '", settings.out.string(),
          "' holds a simulation already; give --resume to go on with it, or another --out");
    const Bytes old = read_file(file);
    check(text_of(old) == text, ErrorCode::kInvalidConfig, "[simulate] '", settings.out.string(),
          "' holds a simulation with another configuration; give another --out");
  }
  write_file_atomic(file, text);
}

/// Keeps who holds which classes for the report: it must not need the images again.
/// A line per client: name, then a count per class; the first line names the classes.
void write_shares(const fs::path& out, const RunConfig& config, const FederationData& data) {
  std::string text = "client";
  for (const std::string& name : data.private_images.classes) {
    text += '\t' + name;
  }
  text += '\n';
  const auto shares =
      shares_of(config, data, static_cast<std::uint64_t>(config.simulation.seeds.front()));
  const auto names = client_names(config.federation.clients);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    text += names[i].name;
    for (const std::int64_t count : data::class_histogram(data.private_images.select(shares[i]))) {
      text += '\t' + std::to_string(count);
    }
    text += '\n';
  }
  write_file_atomic(out / kSharesFile, text);
}

void read_shares(const fs::path& out, report::Report& report) {
  if (!fs::exists(out / kSharesFile)) {
    return;
  }
  std::istringstream lines(std::string(text_of(read_file(out / kSharesFile))));
  std::string line;
  std::string cell;
  std::getline(lines, line);
  std::istringstream head(line);
  std::getline(head, cell, '\t');
  while (std::getline(head, cell, '\t')) {
    report.class_names.push_back(cell);
  }
  while (std::getline(lines, line)) {
    std::istringstream cells(line);
    report::ClientClasses client;
    std::getline(cells, client.client, '\t');
    while (std::getline(cells, cell, '\t')) {
      client.count_per_class.push_back(std::stoll(cell));
    }
    report.clients.push_back(std::move(client));
  }
}

void log_speed(const training::MethodOptions& method,
               std::int64_t seed,
               const ScenarioSpeed& speed,
               std::size_t threads) {
  if (speed.trainings == 0) {
    return;
  }
  const auto trainings = static_cast<double>(speed.trainings);
  log_info("run.speed", "method=", method.name, " seed=", seed, " trainings=", speed.trainings,
           " per_second=", trainings / (speed.seconds - speed.evaluation_seconds),
           " threads=", threads, " busy=",
           speed.training_seconds / static_cast<double>(threads) /
               (speed.seconds - speed.evaluation_seconds),
           " evaluation_seconds=", speed.evaluation_seconds);
}

}  // namespace

fs::path run_path(const fs::path& out, const training::MethodOptions& method, std::int64_t seed) {
  return out / "runs" / str(method.name, "-seed", seed);
}

report::Comparison simulate(const SimulationSettings& settings) {
  const RunConfig& config = settings.config;
  prepare_out(settings);
  use_one_thread();
  const FederationData data = load_federation_data(config);
  write_shares(settings.out, config, data);
  const std::size_t threads = config.simulation.threads > 0
                                  ? static_cast<std::size_t>(config.simulation.threads)
                                  : std::max(1U, std::thread::hardware_concurrency());
  for_each_run(config, [&](const training::MethodOptions& method, std::int64_t seed) {
    const fs::path directory = run_path(settings.out, method, seed);
    if (is_finished(directory)) {
      return;
    }
    const auto run_seed = static_cast<std::uint64_t>(seed);
    // The backbone's own progress bar comes before this run's.
    experiment::Run made = experiment::make_run(config, method, run_seed, settings.home);
    Progress progress(str(method.name, " seed ", seed), config.federation.rounds, "rounds");
    RoundId shown = 0;
    std::string note;
    const auto on_round = [&](const coordinator::RoundSummary& round) {
      note =
          str("accuracy ",
              static_cast<double>(static_cast<int>(1000 * round.accuracy.value_or(0))) / 10, " %");
      progress.add(static_cast<std::int64_t>(round.round - shown), note);
      shown = round.round;
    };
    const auto speed = run_scenario({config, method, run_seed, directory, threads, on_round},
                                    std::move(made), data);
    progress.finish(note);
    log_speed(method, seed, speed, threads);
  });
  return rebuild_results(settings.out);
}

report::Comparison rebuild_results(const fs::path& out) {
  check(fs::exists(out / "config.toml") && fs::is_directory(out / "runs"),
        ErrorCode::kInvalidConfig, "[report] '", out.string(),
        "' is no folder of lorae-simulate: no config.toml and runs/");
  ConfigReader reader = ConfigReader::load(out / "config.toml");
  const RunConfig config = experiment::read_run_config(reader);
  report::Report report;
  report.title = "LoRAE versus full-parameter federated training";
  report.comparison.baseline = config.simulation.baseline;
  for_each_run(config, [&](const training::MethodOptions& method, std::int64_t seed) {
    const fs::path directory = run_path(out, method, seed);
    if (fs::exists(directory / "journal.db")) {
      const auto run_seed = static_cast<std::uint64_t>(seed);
      report.comparison.runs.push_back(comparison_run(config, method, run_seed, directory));
      report.runs.push_back(report_run(method, run_seed, directory));
    }
  });
  report.subtitle = {
      str(config.model.name, " on ", config.data.path, ", ", config.federation.clients,
          " clients, ",
          config.federation.cohort == 0 ? config.federation.clients : config.federation.cohort,
          " per round, ", config.federation.rounds, " rounds, ", config.data.partition,
          config.data.partition == "dirichlet" ? str(" ", config.data.dirichlet_alpha) : ""),
      "Bytes are framed bytes: what a process hands to its socket. The frozen backbone is fetched "
      "once and counted apart."};
  read_shares(out, report);
  report::write_comparison(out / "comparison.json", report.comparison);
  report::write_comparison_svg(out / "comparison.svg", report.comparison);
  report::write_report(out / "report.html", report);
  return report.comparison;
}

}  // namespace lorae::simulation
