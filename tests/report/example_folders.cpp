#include "tests/report/example_folders.h"

#include <fmt/format.h>

#include <cmath>

#include "base/atomic_file.h"
#include "report/folders.h"
#include "runs/journal.h"
#include "runs/run_directory.h"

namespace lorae::report {
namespace {

using runs::BytesEntry;
using runs::Direction;

constexpr int kClients = 4;

ClientId client_of(int i) {
  return {fmt::format("client-{}", i + 1)};
}

/// What one client sends and gets in a round.
std::vector<BytesEntry> entries_of(std::int64_t layer) {
  std::vector<BytesEntry> entries;
  for (const Direction direction : {Direction::kUplink, Direction::kDownlink}) {
    for (const auto& [name, size] :
         {std::pair("conv1", layer), std::pair("layer1.0.conv2", 2 * layer)}) {
      entries.push_back({direction, name, "raw", size});
      entries.push_back({direction, name, "quantised", size / 4});
      entries.push_back({direction, name, "coded", size / 5});
    }
  }
  entries.push_back({Direction::kUplink, "(update)", "framed", 3 * layer / 5 + 40});
  entries.push_back({Direction::kDownlink, "(model)", "framed", 3 * layer / 5 + 60});
  entries.push_back({Direction::kDownlink, "(control)", "framed", 10});
  return entries;
}

void add_round(runs::Journal& journal, RoundId round, const ExampleRun& run, bool commits) {
  std::vector<ClientId> cohort;
  for (int i = 0; i < kClients - 1; ++i) {
    cohort.push_back(client_of((i + static_cast<int>(round.value)) % kClients));
  }
  journal.open_round(round, cohort);
  for (const ClientId& client : cohort) {
    journal.add_update(round,
                       {.client = client,
                        .num_examples = 10,
                        .metrics = {},
                        .digest = digest_of(ByteView{}),
                        .payload = {}},
                       entries_of(run.layer));
  }
  if (commits) {
    journal.commit_round(round, digest_of(view_of("model")), 1.5);
    const double part = 1 - std::exp(-static_cast<double>(round.value) / 3);
    journal.add_metrics(round, {{"top1", run.top1 * part}, {"loss", 2 - part}});
  }
}

}  // namespace

void make_run(const fs::path& folder, const ExampleRun& run, const std::string& config) {
  const auto directory = runs::RunDirectory::create(folder, config);
  runs::Journal journal(directory.journal_path(), runs::Journal::Mode::kContinue);
  runs::Transaction all = journal.begin();
  journal.set_meta(runs::kMainMetricKey, "top1");
  journal.set_meta(runs::kTrainableKey, "100");
  journal.set_meta(runs::kTotalKey, "1000");
  journal.set_class_names({"cat", "dog", "<bird>"});
  const BytesEntry backbone{Direction::kDownlink, "(backbone)", "framed", 9000};
  const BytesEntry hello{Direction::kUplink, "(control)", "framed", 30};
  for (int i = 0; i < kClients; ++i) {
    journal.set_share(client_of(i), i);
    journal.set_class_counts(client_of(i), {10 * i, 5, 40 - 10 * i});
    journal.add_bytes(RoundId{}, client_of(i), {&backbone, 1});
    journal.add_bytes(RoundId{}, client_of(i), {&hello, 1});
  }
  RoundId round{1};
  for (; round.value <= run.rounds; round = round.next()) {
    add_round(journal, round, run, true);
  }
  if (run.has_open_round) {
    add_round(journal, round, run, false);
  }
  all.commit();
}

std::string example_config(const std::vector<std::string>& methods, int seeds) {
  std::string text =
      "[model]\nname = \"resnet8\"\n[data]\npath = \"/data/fashion-mnist\"\n"
      "partition = \"dirichlet\"\ndirichlet_alpha = 0.3\n"
      "[federation]\nrounds = 6\nclients = 4\ncohort = 3\n"
      "[simulation]\nbaseline = \"full\"\nseeds = [";
  for (int seed = 0; seed < seeds; ++seed) {
    text += fmt::format("{}{}", seed == 0 ? "" : ", ", seed);
  }
  text += "]\n";
  for (const std::string& method : methods) {
    // A literal TOML string, so that a name may hold anything but an apostrophe.
    text += fmt::format("[[methods]]\nname = '{}'\nkind = \"{}\"\n", method,
                        method == "full" ? "full" : "lorae");
  }
  return text;
}

void make_simulation(const fs::path& folder,
                     const std::vector<std::string>& others,
                     int seeds,
                     bool unfinished) {
  std::vector<std::string> methods = {"full"};
  methods.insert(methods.end(), others.begin(), others.end());
  const std::string config = example_config(methods, seeds);
  ensure_directory(folder / "runs");
  for (int seed = 0; seed < seeds; ++seed) {
    for (std::size_t i = 0; i < methods.size(); ++i) {
      const bool stops = unfinished && i + 1 == methods.size();
      make_run(run_path(folder, methods[i], seed),
               {.method = methods[i],
                .top1 = 0.8 + 0.01 * seed - 0.02 * static_cast<double>(i),
                .layer = i == 0 ? 400'000 : static_cast<std::int64_t>(4000 * i),
                .rounds = stops ? 4U : 6U,
                .has_open_round = stops},
               config);
    }
  }
  write_file_atomic(folder / "config.toml", config);
}

void make_training(const fs::path& folder, bool ended) {
  ensure_directory(folder);
  write_file_atomic(folder / "config.toml",
                    "data = \"/data/fashion-mnist\"\n[model]\nname = \"resnet18\"\n[train]\n"
                    "kind = \"lorae\"\nrank = 8\nepochs = 12\n");
  std::string results = "epoch,step,seconds,lr,train/loss,val/top1,val/top5,val/loss\n";
  for (int epoch = 1; epoch <= 12; ++epoch) {
    const double part = std::exp(-epoch / 4.0);
    results += fmt::format("{},{},{:.3f},{},{},{},{},{}\n", epoch, 100 * epoch, 3.5 * epoch,
                           0.05 * (1 + std::cos(epoch * 0.26)) / 2, 2 * part + 0.1,
                           0.9 - 0.6 * part, 0.99 - 0.3 * part, 2 * part + 0.2);
  }
  write_file_atomic(folder / "results.csv", results);
  if (ended) {
    write_file_atomic(folder / "train.json",
                      R"({"trained_parameters":247808,"total_parameters":11173962,"digest":"ab12",)"
                      R"("images_per_second":812.5,"peak_memory_mb":640.25})");
  }
}

Sweep make_sweep(const fs::path& folder) {
  Sweep sweep{.title = "Object detection, as tables 3 and 6 of the paper",
              .tables = {{.name = "6", .title = "object detection, by rank", .data = {"voc"}}},
              .data = {{.name = "voc", .metrics = {"top1", "top5"}, .drawn_rank = 8}},
              .config = "title = \"sweep\"\n"};
  for (const char* model : {"yolo11n", "fasterrcnn_resnet50_fpn"}) {
    for (const std::int64_t rank : {0, 64, 8, 2}) {
      SweepRow row{.table = "6",
                   .data = "voc",
                   .model = model,
                   .kind = rank == 0 ? "full" : "lorae",
                   .rank = rank,
                   .updated_parameters = rank == 0 ? 2'600'000 : 36'000 * rank,
                   .paper_millions = rank == 0 ? 2.59 : 0.04 * static_cast<double>(rank),
                   .paper_note = "agrees",
                   .paper = {{"top1", 0.843}, {"top5", 0.647}},
                   .folder = folder / (std::string(model) + std::to_string(rank))};
      if (rank != 2) {
        make_training(row.folder);
        row.state = CellState::kDone;
        row.metrics = {{"top1", 0.8 + 0.001 * static_cast<double>(rank)}, {"top5", 0.65}};
        row.seconds = 1000 + 10 * static_cast<double>(rank);
      }
      sweep.rows.push_back(row);
    }
  }
  return sweep;
}

}  // namespace lorae::report
