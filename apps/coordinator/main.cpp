#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <random>

#include "base/atomic_file.h"
#include "base/home.h"
#include "base/log.h"
#include "base/progress.h"
#include "coordinator/coordinator.h"
#include "coordinator/registry_watcher.h"
#include "coordinator/server.h"
#include "experiment/run.h"
#include "tensors/threads.h"
#include "training/shares.h"
#include "transport/home_keys.h"
#include "transport/self_test.h"

namespace {

namespace fs = std::filesystem;
using namespace lorae;
using nlohmann::json;

struct Flags {
  std::string config;
  std::string home;
  std::string method;
  std::vector<std::string> overrides;
  bool print_config = false;
  bool as_json = false;
  bool fresh = false;
};

void add_options(CLI::App& app, Flags& flags) {
  const auto option = [&](const std::string& flag, const std::string& key,
                          const std::string& help) {
    app.add_option_function<std::string>(
        flag,
        [&flags, key](const std::string& value) { flags.overrides.push_back(key + "=" + value); },
        help);
  };
  option("--rounds", "federation.rounds", "rounds to run");
  option("--min-clients", "federation.min_clients", "a round waits until so many are here");
  option("--bind", "network.bind", "tcp://ADDRESS:PORT to listen on");
  option("--seed", "seed", "of every random choice");
  app.add_option("--config", flags.config, "TOML file; see configs/");
  // Not bound to the vector itself: CLI11 would replace what the flags above have put there.
  app.add_option_function<std::vector<std::string>>(
         "--set",
         [&flags](const std::vector<std::string>& all) {
           flags.overrides.insert(flags.overrides.end(), all.begin(), all.end());
         },
         "KEY=VALUE, overrides the file")
      ->allow_extra_args(false);
  app.add_option("--method", flags.method, "which of the file's methods; default: the first");
  app.add_option("--home", flags.home, "keys, caches and runs")->capture_default_str();
  app.add_flag("--fresh", flags.fresh, "start a new run even if one like it is unfinished");
  app.add_flag("--print-config", flags.print_config, "print the effective configuration and exit");
  app.add_flag("--json", flags.as_json, "one JSON object per line instead of text");
}

/// The unfinished run with this configuration, or a new one.
runs::RunDirectory open_run(const fs::path& home, const std::string& config_text, bool fresh) {
  const fs::path folder = home / "runs";
  ensure_directory(folder);
  const auto unfinished =
      fresh ? std::nullopt : runs::find_unfinished(folder, digest_of(view_of(config_text)).hex());
  if (unfinished) {
    return runs::RunDirectory::open(*unfinished);
  }
  std::array<char, 32> stamp{};
  const std::time_t now = std::time(nullptr);
  std::strftime(stamp.data(), stamp.size(), "%Y%m%d-%H%M%S", std::gmtime(&now));
  fs::path path = folder / stamp.data();
  for (int i = 2; fs::exists(path); ++i) {
    path = folder / str(stamp.data(), '-', i);
  }
  return runs::RunDirectory::create(path, config_text);
}

void print_round(const coordinator::RoundSummary& round, std::int64_t rounds, bool as_json) {
  if (as_json) {
    std::printf("%s\n", json{{"event", "round"},
                             {"round", round.round},
                             {"clients", round.clients},
                             {"accuracy", round.accuracy.value_or(0)},
                             {"train_loss", round.train_loss},
                             {"uplink_bytes", round.uplink_bytes},
                             {"downlink_bytes", round.downlink_bytes},
                             {"seconds", round.seconds}}
                            .dump()
                            .c_str());
  } else {
    std::printf(
        "round %llu/%lld: %zu clients, accuracy %.1f %%, loss %.3f, up %s, down %s, %.1f s\n",
        static_cast<unsigned long long>(round.round), static_cast<long long>(rounds), round.clients,
        100 * round.accuracy.value_or(0), round.train_loss,
        human_bytes(static_cast<double>(round.uplink_bytes)).c_str(),
        human_bytes(static_cast<double>(round.downlink_bytes)).c_str(), round.seconds);
  }
  std::fflush(stdout);
}

void print_waiting(std::size_t present, std::size_t needed, const std::string& endpoint) {
  log_info("run.waiting", present, " of ", needed, " clients; start another with: lorae-client",
           endpoint == experiment::NetworkOptions{}.bind ? "" : " --coordinator " + endpoint,
           " --name NAME");
}

void print_summary(const coordinator::Coordinator& run,
                   const runs::RunDirectory& directory,
                   const runs::Journal& journal,
                   const transport::ServerCounters& counters,
                   bool as_json) {
  const RoundId version = run.model().version();
  const std::string adapter = version == 0 ? "" : directory.adapter_path(version).string();
  const auto uplink = journal.total_bytes(runs::Direction::kUplink, coordinator::kStageFramed);
  const auto downlink = journal.total_bytes(runs::Direction::kDownlink, coordinator::kStageFramed);
  const auto metrics = journal.metrics(version);
  const double accuracy = metrics.contains("accuracy") ? metrics.at("accuracy") : 0;
  if (as_json) {
    std::printf("%s\n", json{{"event", run.finished() ? "finished" : "stopped"},
                             {"rounds", version},
                             {"accuracy", accuracy},
                             {"digest", run.model().digest().hex()},
                             {"uplink_bytes", uplink},
                             {"downlink_bytes", downlink},
                             {"adapter", adapter},
                             {"run", directory.path().string()},
                             {"frames_in", counters.frames_in},
                             {"frames_out", counters.frames_out}}
                            .dump()
                            .c_str());
    return;
  }
  std::printf("%s after %llu rounds: accuracy %.1f %%, up %s, down %s\n",
              run.finished() ? "finished" : "stopped", static_cast<unsigned long long>(version),
              100 * accuracy, human_bytes(static_cast<double>(uplink)).c_str(),
              human_bytes(static_cast<double>(downlink)).c_str());
  std::printf("digest   %s\nadapter  %s\nrun      %s\n", run.model().digest().hex().c_str(),
              adapter.c_str(), directory.path().c_str());
}

coordinator::CoordinatorEvents make_events(const experiment::RunConfig& config,
                                           const std::string& endpoint,
                                           bool as_json) {
  return {
      .on_round = [rounds = config.federation.rounds,
                   as_json](const auto& round) { print_round(round, rounds, as_json); },
      .on_waiting = [endpoint](std::size_t present,
                               std::size_t needed) { print_waiting(present, needed, endpoint); },
      .on_note = [](const char* event, const std::string& details) { log_info(event, details); }};
}

transport::ZmqServerOptions socket_options(const std::string& endpoint,
                                           const transport::KeyPair& keys,
                                           const fs::path& home) {
  return {.endpoint = endpoint,
          .keys = keys,
          .registry = transport::Registry::load(transport::registry_path(home)),
          .on_denied = [](const auto& denials) {
            log_warning("client.denied", "address=", denials.address, " key='", denials.public_key,
                        "' ", denials.reason, "; to let it in: lorae enrol NAME 'KEY'");
          }};
}

/// Differs between starts.
std::uint64_t random_epoch() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32U | device();
}

int run(const Flags& flags) {
  const experiment::RunConfig config = experiment::load_run_config(flags.config, flags.overrides);
  const training::MethodOptions& method = experiment::find_method(config, flags.method);
  const std::string config_text =
      experiment::print_run_config(config) + "# method: " + method.name + "\n";
  if (flags.print_config) {
    std::fputs(config_text.c_str(), stdout);
    return 0;
  }
  use_one_thread();
  const fs::path home = flags.home;
  ensure_directory(home);
  std::signal(SIGHUP, SIG_IGN);  // until the watcher is up: it means "read the registry again"
  FileLock lock(transport::coordinator_lock_path(home), FileLock::Wait::kNo,
                "another coordinator runs on this home; stop it or give --home");
  lock.write(str(::getpid(), '\n'));
  const transport::KeyPair keys = transport::coordinator_keys(home);
  transport::ZmqServer socket(socket_options(config.network.bind, keys, home));
  const coordinator::RegistryWatcher watcher(
      transport::registry_path(home), socket,
      {[](std::size_t clients) { log_info("registry.loaded", "clients=", clients); },
       [](const std::string& problem) { log_warning("registry.rejected", problem); }});
  transport::refuse_if_open(socket.endpoint(), keys.public_key);

  experiment::Run made = experiment::make_run(config, method, config.seed, home);
  const auto test = training::test_images(config.data, config.model, Seed{config.seed});
  training::Learner evaluator(made.plan, made.backbone);
  const runs::RunDirectory directory = open_run(home, config_text, flags.fresh);
  runs::Journal journal(directory.journal_path());
  coordinator::Coordinator run(
      {.federation = config.federation,
       .seed = Seed{config.seed},
       .plan = training::plan_text(made.plan),
       .backbone = std::move(made.backbone_file),
       .evaluate =
           [&](const StateDict& state) {
             evaluator.load(state);
             return evaluator.accuracy(test);
           },
       .epoch = random_epoch(),
       .run = directory.path().filename().string()},
      coordinator::GlobalModel(std::move(made.initial), made.model_options), directory, journal,
      socket, make_events(config, socket.endpoint(), flags.as_json));
  log_info("run.start", "listening=", socket.endpoint(), " method=", method.name,
           " trainable=", made.trainable_parameters, " of ", made.total_parameters,
           run.model().version() > 0 ? str(" resumed_after_round=", run.model().version()) : "",
           " run=", directory.path().string());
  const auto end = coordinator::serve(run, socket);
  print_summary(run, directory, journal, socket.counters(), flags.as_json);
  return end == coordinator::ServerEnd::kFinished ? 0 : 130;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Flags flags;
    flags.home = default_home().string();
    CLI::App app{
        "Runs federated rounds: waits for clients, hands out the model, aggregates their "
        "updates.\nStart clients with: lorae-client --name NAME"};
    add_options(app, flags);
    CLI11_PARSE(app, argc, argv);
    return run(flags);
  } catch (const lorae::Error& error) {
    std::fprintf(stderr, "lorae-coordinator: %s\n", error.what());
    return lorae::exit_status(error.code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lorae-coordinator: %s\n", error.what());
    return 70;
  }
}
