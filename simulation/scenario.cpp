#include "simulation/scenario.h"

#include <algorithm>
#include <future>
#include <memory>

#include "base/log.h"
#include "simulation/fleet.h"
#include "tensors/threads.h"
#include "training/shares.h"

namespace lorae::simulation {
namespace {

/// Accuracy of a global state, each thread on its part of the test images.
class Evaluator {
 public:
  Evaluator(const experiment::Run& made, const data::ImageSet& test, std::size_t threads) {
    const auto parts = static_cast<std::int64_t>(threads);
    for (std::int64_t i = 0; i < parts; ++i) {
      const std::int64_t begin = test.size() * i / parts;
      const std::int64_t end = test.size() * (i + 1) / parts;
      parts_.push_back(
          {std::make_unique<training::Learner>(made.plan, made.backbone),
           {test.images.slice(0, begin, end), test.labels.slice(0, begin, end), test.classes}});
    }
  }

  double accuracy(const StateDict& state) {
    const TimePoint start = Clock::now();
    std::vector<std::future<double>> correct;
    for (Part& part : parts_) {
      correct.push_back(std::async(std::launch::async, [&part, &state] {
        use_one_thread();
        part.learner->load(state);
        return part.learner->accuracy(part.images) * static_cast<double>(part.images.size());
      }));
    }
    double sum = 0;
    double total = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      sum += correct[i].get();
      total += static_cast<double>(parts_[i].images.size());
    }
    seconds_ += lorae::seconds(Clock::now() - start);
    return sum / total;
  }

  double seconds() const { return seconds_; }

 private:
  struct Part {
    std::unique_ptr<training::Learner> learner;
    data::ImageSet images;
  };
  std::vector<Part> parts_;
  double seconds_ = 0;
};

runs::RunDirectory open_directory(const Scenario& scenario) {
  const std::string text = experiment::print_run_config(scenario.config);
  return std::filesystem::exists(scenario.directory / "config.toml")
             ? runs::RunDirectory::open(scenario.directory)
             : runs::RunDirectory::create(scenario.directory, text);
}

void on_note(const char* event, const std::string& details) {
  // Nobody would make room while the simulator holds the terminal: end, and go on later.
  check(std::string_view(event) != "run.paused", ErrorCode::kUnavailable, details,
        "; then go on with --resume");
  log_debug(event, details);
}

}  // namespace

FederationData load_federation_data(const experiment::RunConfig& config) {
  const Seed seed{config.seed};
  return {training::private_images(config.data, config.model, seed),
          training::test_images(config.data, config.model, seed)};
}

data::Shares shares_of(const experiment::RunConfig& config,
                       const FederationData& data,
                       std::uint64_t seed) {
  return training::private_shares(config.data, data.private_images, config.federation.clients,
                                  Seed{seed});
}

ScenarioSpeed run_scenario(const Scenario& scenario,
                           experiment::Run made,
                           const FederationData& data) {
  experiment::RunConfig config = scenario.config;
  // Every virtual client is there from the start, and nobody is ever late: no wall clock in
  // results.
  constexpr double kForever = 1e9;  // seconds
  config.federation.min_clients = config.federation.clients;
  config.federation.heartbeat = kForever;
  config.federation.report_deadline = kForever;
  const data::Shares shares = shares_of(config, data, scenario.seed);
  std::vector<data::ImageSet> share_images;
  for (const auto& share : shares) {
    share_images.push_back(data.private_images.select(share));
  }
  const runs::RunDirectory directory = open_directory(scenario);
  runs::Journal journal(directory.journal_path());
  transport::InProcessNetwork network;
  Evaluator evaluator(made, data.test_images, scenario.threads);
  coordinator::Coordinator run(
      {.federation = config.federation,
       .seed = Seed{scenario.seed},
       .plan = training::plan_text(made.plan),
       .backbone = std::move(made.backbone_file),
       .evaluate = [&](const StateDict& state) { return evaluator.accuracy(state); },
       .epoch = scenario.seed,
       .run = str(scenario.method.name, "-seed", scenario.seed)},
      coordinator::GlobalModel(made.initial, made.model_options), directory, journal,
      network.server(), {.on_round = scenario.on_round, .on_waiting = {}, .on_note = on_note});
  network.start([&](transport::ConnectionId connection, const ClientId& client, wire::Frame frame) {
    run.on_frame(connection, client, std::move(frame), Clock::now());
  });
  journal.set_meta("trainable_parameters", std::to_string(made.trainable_parameters));
  journal.set_meta("total_parameters", std::to_string(made.total_parameters));
  Fleet fleet(
      network, client_names(config.federation.clients),
      [&](const training::Plan&, const client::Work& work) {
        return share_images.at(work.share_index);
      },
      [&](const client::Work& work) { return shares.at(work.share_index).size(); },
      scenario.threads);
  const TimePoint start = Clock::now();
  while (!run.finished()) {
    fleet.pump([&] {
      run.advance(Clock::now());
      return !run.finished();
    });
  }
  const double elapsed = seconds(Clock::now() - start);
  run.say_bye(/*finished=*/true);
  return {fleet.trainings(), elapsed, fleet.training_seconds(), evaluator.seconds()};
}

}  // namespace lorae::simulation
