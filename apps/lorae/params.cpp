#include <cmath>
#include <nlohmann/json.hpp>

#include "adapters/blocks.h"
#include "apps/common/output.h"
#include "apps/common/table.h"
#include "apps/lorae/model_commands.h"
#include "apps/lorae/paper_cells.h"
#include "codec/chain.h"
#include "models/measure/counts.h"
#include "simulation/forecast.h"

namespace lorae::apps {
namespace {

using adapters::LoraeOptions;
using models::LayerCount;
using models::ModelCounts;
using nlohmann::json;

json to_json(const ModelChoice& choice, const ModelCounts& counts, models::Model& model) {
  json layers = json::array();
  for (const LayerCount& layer : counts.layers) {
    layers.push_back({{"name", layer.shape.name},
                      {"in", layer.shape.in},
                      {"out", layer.shape.out},
                      {"kernel", layer.shape.kernel},
                      {"stride", layer.shape.stride},
                      {"groups", layer.shape.groups},
                      {"parameters", layer.parameters},
                      {"rank", layer.rank},
                      {"adapter_parameters", layer.adapter}});
  }
  json state = json::array();
  for (const models::NamedTensor& entry : model.state()) {
    state.push_back({{"name", entry.name}, {"shape", entry.tensor.sizes().vec()}});
  }
  return {{"model", choice.name},
          {"classes", choice.classes},
          {"total_parameters", counts.total},
          {"trainable_parameters", counts.trainable()},
          {"adapter_parameters", counts.adapter},
          {"layers", layers},
          {"state", state}};
}

void print_table(const ModelChoice& choice, const ModelCounts& counts, const LoraeOptions& lorae) {
  Table table("lrrrrrrrr",
              {"layer", "in", "out", "k", "s", "groups", "parameters", "rank", "adapter"});
  for (const auto& [shape, parameters, rank, adapter] : counts.layers) {
    table.row(shape.name, shape.in, shape.out, shape.kernel, shape.stride, shape.groups, parameters,
              rank, adapter);
  }
  table.print();
  const double share =
      100.0 * static_cast<double>(counts.trainable()) / static_cast<double>(counts.total);
  say("\n{}, {} classes, targets {}, rank {}\n", choice.name, choice.classes, lorae.targets,
      lorae.rank);
  say("total      {:12}  the plain model\n", counts.total);
  say("adapter    {:12}  extractors and mappers\n", counts.adapter);
  say("trainable  {:12}  with the head: {:.2f} % of the total\n", counts.trainable(), share);
}

struct RoundBytes {
  std::int64_t up = 0, down = 0;
};

/// What one client sends and gets in a round, encoded for real: an update of normal deviates, and a
/// state that has moved by such updates.
RoundBytes round_bytes(const StateDict& state, const Codecs& codecs) {
  StateDict moved = state.clone(), moved_again = state.clone();
  Random random(1);
  for (const StateDict& one : {moved, moved_again}) {
    for (const auto& [name, tensor] : one) {
      float* values = tensor.contiguous().data_ptr<float>();
      for (std::int64_t i = 0; i < tensor.numel(); ++i) {
        values[i] += static_cast<float>(0.01 * random.normal());
      }
    }
  }
  const codec::Blocks global = adapters::to_blocks(moved);
  const codec::Blocks local = adapters::to_blocks(moved_again);
  const auto size = [](const codec::Encoded& encoded) { return std::ssize(encoded.payload); };
  return {.up = size(codec::Chain::parse(codecs.uplink).encode(local, global)),
          .down = size(codec::Chain::parse(codecs.downlink).encode_state(global))};
}

/// As the paper prints: millions, two decimals, half away from zero.
std::string millions(std::int64_t parameters) {
  return fmt::format("{:.2f}", std::floor(static_cast<double>(parameters) / 1e4 + 0.5) / 100);
}

/// Parameters that the paper's size of a model counts.
std::int64_t counted_by_the_paper(const OtherModel& other) {
  const auto model =
      build({.name = std::string(other.name), .classes = other.classes}, std::nullopt);
  std::int64_t total = 0;
  for (const models::NamedTensor& entry : model->state()) {
    const bool frozen =
        other.name.starts_with("fasterrcnn") && (entry.name.starts_with("backbone.body.conv1.") ||
                                                 entry.name.starts_with("backbone.body.layer1."));
    total += entry.kind == models::TensorKind::kBuffer || frozen ? 0 : entry.tensor.numel();
  }
  return total;
}

void print_others() {
  say("\nModels whose updated parameters follow from no rule: sizes in millions.\n\n");
  say("{:16} {:>7} {:>7}\n", "model", "paper", "ours");
  for (const OtherModel& other : paper_others()) {
    const std::string ours = millions(counted_by_the_paper(other));
    say("{:16} {:>7} {:>7}  {}: {} with {} classes, {}\n{:34}updated: {}\n", other.label,
        other.millions, ours, ours == other.millions ? "agrees" : "differs", other.name,
        other.classes, other.counted, "", other.reason);
  }
}

/// What the numbers of one cell say; `matches` counts the cells that agree at some rank.
std::string verdict(const PaperCell& cell, const std::string& meant, int& matches) {
  if (cell.rank_meant == 0) {
    return "error of the paper: " + std::string(cell.error);
  }
  if (meant != cell.millions) {
    return "differs by 0.01";
  }
  ++matches;
  return cell.rank_meant == cell.rank
             ? "agrees"
             : str("agrees with rank ", cell.rank_meant, ": the paper's row is shifted");
}

}  // namespace

std::unique_ptr<models::Model> build(const ModelChoice& choice, std::optional<Seed> seed) {
  return models::build({.name = choice.name,
                        .stem = choice.stem,
                        .norm_groups = choice.norm_groups,
                        .classes = choice.classes,
                        .channels = choice.channels,
                        .pool = 1},
                       seed);
}

void print_models(bool as_json) {
  if (as_json) {
    say("{}\n", json_line(json(models::model_names())));
    return;
  }
  for (const std::string& name : models::model_names()) {
    say("{}\n", name);
  }
}

void print_params(const ModelChoice& choice, const LoraeOptions& lorae, bool as_json) {
  const auto model = build(choice, std::nullopt);
  const ModelCounts counts = models::count(*model, lorae);
  if (as_json) {
    say("{}\n", json_line(to_json(choice, counts, *model)));
  } else {
    print_table(choice, counts, lorae);
  }
}

void print_bytes(const ModelChoice& choice, const LoraeOptions& lorae, const Codecs& codecs) {
  const auto model = build(choice, Seed{1});
  model->attach_adapters(lorae, Seed{1});
  std::vector<StateDict::Entry> lorae_entries;
  for (const StateDict& part : {model->adapter(), model->head()}) {
    lorae_entries.insert(lorae_entries.end(), part.begin(), part.end());
  }
  const StateDict adapter(std::move(lorae_entries));
  say("{:8} {:>14} {:>14} {:>14}\n", "method", "numbers", "bytes up", "bytes down");
  std::vector<std::int64_t> up;
  for (const auto& [name, state] :
       {std::pair("lorae", adapter), std::pair("full", model->weights())}) {
    const RoundBytes bytes = round_bytes(state, codecs);
    up.push_back(bytes.up);
    say("{:8} {:14} {:14} {:14}\n", name, state.numel(), bytes.up, bytes.down);
  }
  say("\nper client and round, up by {}, down by {}: full is {:.1f}x\n", codecs.uplink,
      codecs.downlink, static_cast<double>(up[1]) / static_cast<double>(up[0]));
}

void print_forecast(const experiment::RunConfig& run,
                    const std::string& home,
                    std::int64_t measured) {
  const auto forecasts = simulation::forecast_bytes(run, home, measured);
  say("{:16} {:>22} {:>22}\n", "method", "bytes up", "bytes down");
  for (const simulation::BytesForecast& one : forecasts) {
    say("{:16} {:12.0f} +- {:6.0f} {:12.0f} +- {:6.0f}\n", one.method, one.uplink,
        one.uplink_spread, one.downlink, one.downlink_spread);
  }
  say("\nper client and round, the mean of {} rounds, framing and joining included; from the first "
      "{}:\n"
      "+- half of the range of those that tell of the others; --rounds-measured N runs more of "
      "them\n",
      run.federation.rounds, std::min(measured, run.federation.rounds));
}

void print_paper_params() {
  say("Updated parameters in millions, the paper's tables 3 and 5-7 beside ours.\n\n");
  say("{:13} {:>5} {:>5}  {:>7} {:>7}  {}\n", "model", "table", "rank", "paper", "ours", "");
  int matches = 0, possible = 0, cells = 0;
  for (const PaperModel& paper : paper_models()) {
    const std::string name(paper.name);
    const auto model = build({.name = name, .classes = paper.classes}, std::nullopt);
    const auto updated = [&](std::int64_t rank) {
      return millions(
          models::paper_updated_parameters(models::count(*model, {.rank = rank}), name));
    };
    const std::string total = millions(models::count(*model, {.rank = 1}).total);
    // YOLOv8 classifiers: the printed size is that of the model with its adapters of rank 32.
    const std::string with_adapters = millions(models::count(*model, {.rank = 1}).total +
                                               models::count(*model, {.rank = 32}).adapter);
    say("{:13} {:>5} {:>5}  {:>7} {:>7}  {}\n", name, "", "all", paper.millions, total,
        total == paper.millions           ? "agrees"
        : with_adapters == paper.millions ? "the paper's is with adapters of rank 32"
                                          : "differs");
    for (const PaperCell& cell : paper.cells) {
      ++cells;
      possible += cell.rank_meant > 0;
      say("{:13} {:>5} {:5}  {:>7} {:>7}  {}\n", name, cell.table, cell.rank, cell.millions,
          updated(cell.rank), verdict(cell, updated(cell.rank_meant), matches));
    }
  }
  say("\n{} of {} cells agree at the rank that they belong to; {} more are the paper's "
      "errors.\n",
      matches, possible, cells - possible);
  print_others();
}

}  // namespace lorae::apps
