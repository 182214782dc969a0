#include "simulation/scenario.h"

#include <algorithm>
#include <future>
#include <memory>
#include <optional>

#include "base/cpu.h"
#include "base/log.h"
#include "data/deal.h"
#include "experiment/round_figures.h"
#include "simulation/fleet.h"
#include "tensors/threads.h"
#include "tensors/torch.h"
#include "training/shares.h"

namespace lorae::simulation {
namespace {

/// Measures a global state: each place predicts its part of the test images, one meter adds up
/// what they say, in the order of the images.
class Evaluation {
 public:
  Evaluation(const experiment::Run& made,
             const std::vector<at::Device>& places,
             const data::DatasetPtr& test,
             FrozenWeights& frozen,
             experiment::RoundFigures figures)
      : figures_(std::move(figures)) {
    const std::int64_t parts = std::ssize(places);
    for (std::int64_t i = 0; i < parts; ++i) {
      std::vector<std::int64_t> indices;
      for (std::int64_t j = test->size() * i / parts; j < test->size() * (i + 1) / parts; ++j) {
        indices.push_back(j);
      }
      if (!indices.empty()) {
        const std::int64_t first = indices.front();
        parts_.emplace_back(made, data::subset(test, std::move(indices)), first,
                            places[static_cast<std::size_t>(i)]);
        frozen.share(parts_.back().learner->model());
      }
    }
  }

  Metrics measure(RoundId round, const StateDict& state) {
    const TimePoint start = Clock::now();
    std::vector<std::future<Seen>> measured;
    for (Part& part : parts_) {
      measured.push_back(
          std::async(std::launch::async, [&part, &state] { return part.look(state); }));
    }
    const tasks::Task& task = parts_.front().learner->task();
    const auto meter = task.meter();
    std::optional<tasks::PredictionSheet> sheet;
    if (figures_.wants(round)) {
      sheet.emplace(figures_.test(), task);
    }
    for (std::size_t i = 0; i < measured.size(); ++i) {
      for (const auto& [predictions, batch] : measured[i].get()) {
        meter->add(predictions, batch);
        if (sheet) {
          sheet->add(predictions, batch, parts_[i].first);
        }
      }
    }
    if (sheet) {
      figures_.keep(round, *meter, *sheet);
    }
    seconds_ += lorae::seconds(Clock::now() - start);
    return meter->result();
  }

  double seconds() const { return seconds_; }

 private:
  using Seen = std::vector<std::pair<tasks::Predictions, data::Batch>>;

  struct Part {
    Part(const experiment::Run& made,
         data::DatasetPtr images,
         std::int64_t first_image,
         at::Device place)
        : first(first_image),
          learner(std::make_unique<training::Learner>(made.plan, made.backbone, place)),
          loader(std::make_unique<data::Loader>(
              std::move(images),
              tasks::judging_options(learner->task(), learner->model()),
              Seed{})) {}

    Seen look(const StateDict& state) {
      use_one_thread();
      const OwnStream stream(learner->model().device());
      const torch::NoGradGuard no_grad;
      learner->load(state);
      loader->start(0);
      Seen seen;
      while (auto batch = loader->next()) {
        auto predictions = learner->task().predict(learner->model(), *batch);
        batch->images.reset();
        seen.emplace_back(std::move(predictions), *std::move(batch));
      }
      return seen;
    }

    std::int64_t first;  // of its images in the set
    std::unique_ptr<training::Learner> learner;
    std::unique_ptr<data::Loader> loader;
  };
  experiment::RoundFigures figures_;
  std::vector<Part> parts_;
  double seconds_ = 0;
};

std::string config_text(const Scenario& scenario) {
  return experiment::print_run_config(scenario.config, scenario.method);
}

runs::RunDirectory open_directory(const Scenario& scenario) {
  if (!std::filesystem::exists(scenario.directory / "config.toml")) {
    return runs::RunDirectory::create(scenario.directory, config_text(scenario));
  }
  return runs::RunDirectory::open(scenario.directory);
}

coordinator::CoordinatorSettings settings_of(const Scenario& scenario, experiment::Run& made) {
  coordinator::FederationOptions federation = scenario.config.federation;
  federation.min_clients = federation.clients;  // every virtual client is there from the start
  return {.federation = federation,
          .seed = Seed{scenario.seed},
          .plan = [text = training::plan_text(made.plan)](const ClientId&) { return text; },
          .backbone = std::move(made.backbone_file),
          .epoch = scenario.seed,
          .run = str(scenario.method.name, "-seed", scenario.seed),
          .stopwatch = [] { return Clock::now(); }};
}

void on_note(const char* event, const LogDetails& details) {
  // Nobody would make room while the simulator holds the terminal: end, and go on later.
  check(std::string_view(event) != "run.paused" && std::string_view(event) != "metrics.lost",
        ErrorCode::kUnavailable, details, "; then go on with --resume");
  // The virtual clients would do the same again.
  check(std::string_view(event) != "round.failed", ErrorCode::kIncompatible, "[simulate] ",
        details);
  log_line(LogLevel::kDebug, event, details);
}

/// Who holds which classes, for the report: it must not need the images again.
void write_classes(runs::Journal& journal,
                   const std::vector<ClientId>& names,
                   const data::Shares& shares,
                   const data::Dataset& images) {
  auto transaction = journal.begin();
  journal.set_class_names(images.classes());
  for (std::size_t i = 0; i < shares.size(); ++i) {
    journal.set_class_counts(names[i], data::class_counts(images, shares[i]));
  }
  transaction.commit();
}

}  // namespace

FederationData load_federation_data(const experiment::RunConfig& config) {
  const Seed seed{config.seed};
  return {training::private_images(config.data, config.model, seed),
          training::test_images(config.data, config.model, seed)};
}

std::vector<at::Device> places_of(const experiment::RunConfig& config) {
  const experiment::SimulationOptions& options = config.simulation;
  std::vector<at::Device> places;
  for (const at::Device device : open_devices(config.compute)) {
    const std::int64_t count = device.is_cuda()      ? options.per_device
                               : options.threads > 0 ? options.threads
                                                     : core_count();
    places.insert(places.end(), static_cast<std::size_t>(count), device);
  }
  return places;
}

data::Shares shares_of(const experiment::RunConfig& config,
                       const FederationData& data,
                       std::uint64_t seed) {
  return training::private_shares(config.data, *data.private_images, config.federation.clients,
                                  Seed{seed});
}

ScenarioSpeed run_scenario(const Scenario& scenario,
                           experiment::Run made,
                           const FederationData& data,
                           const data::Shares& shares) {
  const experiment::RunConfig& config = scenario.config;
  const std::vector<ClientId> names = client_names(config.federation.clients);
  std::vector<data::DatasetPtr> share_images;
  for (const auto& share : shares) {
    share_images.push_back(data::subset(data.private_images, share));
  }
  runs::RunDirectory directory = open_directory(scenario);
  runs::Journal journal(directory.journal_path(), runs::Journal::Mode::kContinue);
  directory.set_config(config_text(scenario), journal);  // rounds may have been added
  transport::InProcessNetwork network;
  FrozenWeights frozen;
  Evaluation evaluation(
      made, scenario.places, data.test_images, frozen,
      {scenario.directory, coordinator::last_round(config.federation), data.test_images});
  const Timeline timeline;
  const TimePoint start = Clock::now();
  std::optional<coordinator::RoundSummary> round;
  coordinator::Coordinator* self = nullptr;
  const auto on_state = [&](RoundId id, const StateDict& state) {
    const Metrics metrics = evaluation.measure(id, state);
    self->on_metrics(id, metrics, state);
    if (round && scenario.on_round) {
      scenario.on_round(*round, metrics);
    }
  };
  coordinator::Coordinator coordinator(
      settings_of(scenario, made), made.initial, made.exchange, directory, journal,
      network.server(),
      {.on_round = [&](const coordinator::RoundSummary& summary) { round = summary; },
       .on_state = on_state,
       .on_waiting = {},
       .on_note = on_note});
  self = &coordinator;
  network.start([&](transport::ConnectionId connection, const ClientId& client, wire::Frame frame) {
    coordinator.on_frame(connection, client, std::move(frame), timeline.now());
  });
  journal.set_meta(experiment::kBackboneKey, made.backbone_path.string());
  journal.set_meta(runs::kTrainableKey, std::to_string(made.trainable_parameters));
  journal.set_meta(runs::kTotalKey, std::to_string(made.total_parameters));
  write_classes(journal, names, shares, *data.private_images);
  Fleet fleet(
      network, timeline, names,
      [&](const training::Plan&, const client::Work& work) {
        return share_images.at(work.share_index);
      },
      [&](const client::Work& work) { return shares.at(work.share_index).size(); }, scenario.places,
      frozen,
      {.own_states = scenario.directory / "clients",
       .deltas = config.federation.keep_updates ? scenario.directory / "deltas" : "",
       .lose = config.simulation.lose,
       .rank_max = config.simulation.rank_max});
  do {  // once in any case: what was committed may not have been measured
    fleet.pump([&] {
      coordinator.advance(timeline.now());
      return !coordinator.finished();
    });
  } while (!coordinator.finished());
  const double elapsed = seconds(Clock::now() - start);
  coordinator.say_bye(/*finished=*/true);
  return {fleet.trainings(), elapsed, fleet.training_seconds(), evaluation.seconds()};
}

}  // namespace lorae::simulation
