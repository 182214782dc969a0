#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/common/command_line.h"
#include "apps/common/main_of.h"
#include "apps/common/output.h"
#include "apps/common/random_number.h"
#include "apps/coordinator/console.h"
#include "base/atomic_file.h"
#include "base/log.h"
#include "coordinator/registry_watcher.h"
#include "coordinator/server.h"
#include "experiment/evaluator.h"
#include "experiment/round_figures.h"
#include "experiment/run.h"
#include "experiment/run_choice.h"
#include "tensors/threads.h"
#include "training/shares.h"
#include "transport/endpoint.h"
#include "transport/home_keys.h"
#include "transport/self_test.h"

namespace lorae::apps {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string config;
  std::string method;
  std::string run;
  bool print_config = false;
  bool as_json = false;
  bool fresh = false;
};

void add_options(CLI::App& app, Options& options, ConfigFlags& flags) {
  flags.number("--rounds", "federation.rounds", "rounds to run; more than a run has had: go on");
  flags.number("--min-clients", "federation.min_clients", "a round waits until so many are here");
  flags.text("--bind", "network.bind", "tcp://ADDRESS:PORT to listen on");
  flags.number("--seed", "seed", "of every random choice");
  flags.text("--device", "device", "that evaluates: auto, cpu or cuda:N");
  flags.text("--from", "model.adapter", "adapter of an earlier run, to start from");
  flags.text("--data", "data.path",
             "images: folder, CIFAR or IDX; without --config and --data: a demonstration",
             [](const std::string& folder) { return fs::absolute(folder).string(); });
  app.add_option("--config", options.config, "TOML file; see configs/");
  flags.settings();
  app.add_option("--method", options.method, "which of the file's methods; default: the first");
  auto* const run = app.add_option("--run", options.run, "go on with the run in this folder");
  app.add_flag("--fresh", options.fresh, "start a new run, whatever runs there are")->excludes(run);
  app.add_flag("--print-config", options.print_config,
               "print the effective configuration and exit");
  app.add_flag("--json", options.as_json, "one JSON object per line instead of text");
}

/// The configuration of this start, with the one method that is run.
experiment::RunConfig configuration(const Options& options, const ConfigFlags& flags) {
  const bool as_it_was = !options.run.empty() && options.config.empty();
  const experiment::RunConfig config = experiment::load_run_config(
      as_it_was ? (fs::path(options.run) / "config.toml").string() : options.config,
      [&](ConfigReader& reader) { flags.apply(reader); });
  return experiment::of_method(config, experiment::find_method(config, options.method));
}

/// "DIR/", as a shell completes it, is DIR: a run goes by its folder's name.
fs::path folder_of(const std::string& text) {
  const fs::path path = fs::absolute(text).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

experiment::RunChoice choose(const Options& options,
                             const fs::path& home,
                             const experiment::RunConfig& config) {
  const fs::path folder = home / "runs";
  ensure_directory(folder);
  experiment::RunChoice choice = options.run.empty()
                                     ? experiment::choose_run(folder, config, options.fresh)
                                     : experiment::choose_this_run(folder_of(options.run), config);
  for (const std::string& why : choice.passed_by) {
    log_warning("run.passed_by", why);
  }
  for (const ConfigDifference& one : choice.changed) {
    log_info("config.changed", one.key, ' ', one.before, " -> ", one.now);
  }
  return choice;
}

runs::RunDirectory open_run(const experiment::RunChoice& choice,
                            const experiment::RunConfig& config) {
  if (choice.is_new) {
    return runs::RunDirectory::create(choice.path, experiment::print_run_config(config));
  }
  return runs::RunDirectory::open(choice.path);
}

/// Says that a run has had all its rounds, and how it goes on if that is wanted.
void tell_over(const experiment::RunChoice& choice,
               const experiment::RunConfig& config,
               bool as_json) {
  const bool all = choice.committed >= last_round(config.federation);
  log_info("run.over", "run=", choice.path.string(), " has had ", choice.committed, " of ",
           config.federation.rounds, " rounds",
           all ? ": nothing to do; more rounds by --rounds"
               : str(" and did not improve in the last ", config.federation.stop,
                     ": nothing to do; go on by --set federation.stop=0"),
           ", a new run by --fresh");
  if (as_json) {
    say("{}\n",
        json_line(nlohmann::json{
            {"event", "over"}, {"rounds", choice.committed.value}, {"run", choice.path.string()}}));
  }
}

using OnRevoked = std::function<void(const std::vector<ClientId>&)>;

transport::ZmqServerOptions socket_options(const std::string& endpoint,
                                           const transport::KeyPair& keys,
                                           const fs::path& home,
                                           const std::shared_ptr<OnRevoked>& on_revoked) {
  return {.endpoint = endpoint,
          .keys = keys,
          .registry = transport::Registry::load(transport::registry_path(home)),
          .on_denied =
              [home](const auto& denials) {
                const std::string hint =
                    denials.revoked ? std::string("it was revoked")
                                    : "to let it in: " +
                                          transport::enrol_hint(home, "NAME", denials.public_key);
                log_warning("client.denied", "address=", denials.address, " key='",
                            denials.public_key, "' ", denials.reason, "; ", hint);
              },
          .on_revoked = [on_revoked](const auto& clients) { (*on_revoked)(clients); }};
}

/// A coordinator with what it needs around it: the run, the evaluation, the loop.
class Deployment {
 public:
  Deployment(const Options& options,
             const fs::path& home,
             const experiment::RunConfig& config,
             runs::RunDirectory directory,
             transport::ZmqServer& socket)
      : console_(options.as_json, config.federation.rounds),
        directory_(std::move(directory)),
        journal_(directory_.journal_path(), runs::Journal::Mode::kContinue),
        figures_(directory_.path(),
                 last_round(config.federation),
                 training::test_images(config.data, config.model, Seed{config.seed})),
        made_(experiment::make_run(config, config.methods.front(), config.seed, home)),
        learner_(made_.plan, made_.backbone, open_device(config.compute)),
        coordinator_(settings(config),
                     made_.initial,
                     made_.exchange,
                     directory_,
                     journal_,
                     socket,
                     events(socket.endpoint())),
        server_(coordinator_, socket),
        evaluator_(
            [this](RoundId round, const StateDict& state, const std::stop_token& stop) {
              learner_.load(state);
              return figures_.measure(round, learner_, stop);
            },
            [this] { server_.post([this](auto&) { take_metrics(); }); }) {
    directory_.set_config(experiment::print_run_config(config), journal_);
    journal_.set_meta(experiment::kBackboneKey, made_.backbone_path.string());
    journal_.set_meta(runs::kTrainableKey, std::to_string(made_.trainable_parameters));
    journal_.set_meta(runs::kTotalKey, std::to_string(made_.total_parameters));
    const RoundId version = coordinator_.state().version();
    log_info("run.start", "listening=", socket.endpoint(), " method=", config.methods.front().name,
             " trainable=", made_.trainable_parameters, " of ", made_.total_parameters,
             version > RoundId{0} ? str(" resumed_after_round=", version) : "",
             " home=", home.string(), " run=", directory_.path().string());
  }

  coordinator::ServerEnd run(const transport::ZmqServer& socket) {
    const auto end = server_.run();
    if (end == coordinator::ServerEnd::kFinished) {
      evaluator_.finish();
    }
    take_metrics();
    console_.summary(coordinator_, directory_, journal_, socket.counters());
    return end;
  }

  void on_revoked(const std::vector<ClientId>& clients) {
    server_.post(
        [clients](coordinator::Coordinator& coordinator) { coordinator.on_revoked(clients); });
  }

 private:
  coordinator::CoordinatorSettings settings(const experiment::RunConfig& config) {
    return {.federation = config.federation,
            .seed = Seed{config.seed},
            .plan = [text = training::plan_text(made_.plan)](const ClientId&) { return text; },
            .backbone = std::move(made_.backbone_file),
            .epoch = random_number(),
            .run = directory_.path().filename().string()};
  }

  coordinator::CoordinatorEvents events(const std::string& endpoint) {
    const std::string address = endpoint == experiment::NetworkOptions{}.bind
                                    ? ""
                                    : " --coordinator " + transport::Endpoint::for_others(endpoint);
    return {
        .on_round = [this](const auto& round) { console_.round(round); },
        .on_state = [this](RoundId round,
                           const StateDict& state) { evaluator_.submit(round, state); },
        .on_waiting =
            [address](std::size_t present, std::size_t needed) {
              log_info("run.waiting", present, " of ", needed,
                       " clients; start another with: lorae-client", address, " --name NAME");
            },
        .on_note = [](const char* event,
                      const LogDetails& details) { log_line(LogLevel::kInfo, event, details); }};
  }

  void take_metrics() {
    for (const auto& [round, metrics, state] : evaluator_.take_results()) {
      coordinator_.on_metrics(round, metrics, state);
      console_.metrics(round, metrics);
    }
  }

  Console console_;
  runs::RunDirectory directory_;
  runs::Journal journal_;
  experiment::RoundFigures figures_;  // first: a mistake in the data is told at once
  experiment::Run made_;
  training::Learner learner_;
  coordinator::Coordinator coordinator_;
  coordinator::Server server_;
  experiment::Evaluator evaluator_;  // goes first: its thread uses what stands above
};

/// True if there is nothing left to do in the run that was chosen: no round, no evaluation.
bool is_over(const experiment::RunChoice& choice, const experiment::RunConfig& config) {
  if (choice.is_new) {
    return false;
  }
  const runs::Journal journal(runs::RunDirectory::journal_of(choice.path),
                              runs::Journal::Mode::kRead);
  return coordinator::is_over(journal, config.federation);
}

int run(const Options& options, const HomeFlag& home_flag, const ConfigFlags& flags) {
  const experiment::RunConfig config = configuration(options, flags);
  if (options.print_config) {
    say("{}", experiment::print_run_config(config));
    return 0;
  }
  use_one_thread();
  open_device(config.compute);  // a mistake there is told at once
  const fs::path home = home_flag.folder();
  ensure_home(home);
  std::signal(SIGHUP, SIG_IGN);  // until the watcher is up: it means "read the registry again"
  FileLock lock(transport::coordinator_lock_path(home), FileLock::Wait::kNo,
                "another coordinator runs on this home; stop it or give --home");
  lock.write(str(::getpid(), '\n'));
  const experiment::RunChoice choice = choose(options, home, config);
  if (is_over(choice, config)) {
    tell_over(choice, config, options.as_json);
    return 0;
  }
  if (experiment::is_demonstration(config)) {
    log_info("run.demonstration",
             "without --config and --data this is the demonstration on packaged pictures, turned "
             "and inverted; clients take shares of them");
  }
  const transport::KeyPair keys = transport::coordinator_keys(home);
  const auto on_revoked = std::make_shared<OnRevoked>();
  transport::ZmqServer socket(socket_options(config.network.bind, keys, home, on_revoked));
  const coordinator::RegistryWatcher watcher(
      transport::registry_path(home), socket,
      {[](std::size_t clients) { log_info("registry.loaded", "clients=", clients); },
       [](const std::string& problem) { log_warning("registry.rejected", problem); }});
  transport::refuse_if_open(socket.endpoint(), keys.public_key);
  Deployment deployment(options, home, config, open_run(choice, config), socket);
  // Before the socket's thread starts, in `run`.
  *on_revoked = [&](const std::vector<ClientId>& clients) { deployment.on_revoked(clients); };
  if (deployment.run(socket) == coordinator::ServerEnd::kFinished) {
    return 0;
  }
  log_info("run.stopped", "by a signal; the same command goes on with the run");
  return 130;
}

int program(int argc, char** argv) {
  CLI::App app{
      "Runs federated rounds: waits for clients, hands out the model, aggregates their "
      "updates.\nStart clients with: lorae-client --name NAME"};
  Options options;
  ConfigFlags flags(app);
  add_options(app, options, flags);
  const HomeFlag home(app, "keys, caches and runs");
  if (const auto end = parse(app, argc, argv)) {
    return *end;
  }
  return run(options, home, flags);
}

}  // namespace
}  // namespace lorae::apps

int main(int argc, char** argv) {
  return lorae::apps::main_of("lorae-coordinator",
                              [&] { return lorae::apps::program(argc, argv); });
}
