#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "adapters/blocks.h"
#include "apps/lorae/model_commands.h"
#include "apps/lorae/paper_cells.h"
#include "codec/pipeline.h"
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
  std::printf("%-44s %6s %6s %3s %3s %6s %12s %5s %10s\n", "layer", "in", "out", "k", "s", "groups",
              "parameters", "rank", "adapter");
  for (const auto& [shape, parameters, rank, adapter] : counts.layers) {
    std::printf("%-44s %6lld %6lld %3lld %3lld %6lld %12lld %5lld %10lld\n", shape.name.c_str(),
                wide(shape.in), wide(shape.out), wide(shape.kernel), wide(shape.stride),
                wide(shape.groups), wide(parameters), wide(rank), wide(adapter));
  }
  const double share =
      100.0 * static_cast<double>(counts.trainable()) / static_cast<double>(counts.total);
  std::printf("\n%s, %lld classes, targets %s, rank %lld\n", choice.name.c_str(),
              wide(choice.classes), lorae.targets.c_str(), wide(lorae.rank));
  std::printf("total      %12lld  the plain model\n", wide(counts.total));
  std::printf("adapter    %12lld  extractors and mappers\n", wide(counts.adapter));
  std::printf("trainable  %12lld  with the head: %.2f %% of the total\n", wide(counts.trainable()),
              share);
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
  const auto size = [](const Bytes& bytes) { return static_cast<std::int64_t>(bytes.size()); };
  return {.up = size(codec::Pipeline::parse(codecs.uplink).encode(local, global)),
          .down = size(codec::Pipeline::parse(codecs.downlink).encode_state(global))};
}

/// As the paper prints: millions, two decimals, half away from zero.
std::string millions(std::int64_t parameters) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f",
                std::floor(static_cast<double>(parameters) / 1e4 + 0.5) / 100);
  return text.data();
}

/// A model of the paper whose updated parameters follow from no rule.
struct OtherModel {
  std::string_view label;     ///< the paper's
  std::string_view millions;  ///< its size in the paper
  std::string_view name;      ///< ours
  std::int64_t classes;
  std::string_view counted;  ///< what of it the paper's size counts
  std::string_view reason;   ///< why its updated parameters cannot be reproduced
};

constexpr std::array kOthers = {
    OtherModel{"ResNet-152", "58.35", "resnet152", 100, "all parameters",
               "from rank 16 on they fall below the line of ranks 2 to 16"},
    OtherModel{"EfficientNet-B1", "7.79", "efficientnet_b1", 1000, "all parameters",
               "no set of its layers gives all six values"},
    OtherModel{"Faster R-CNN", "41.53", "fasterrcnn_resnet50_fpn", 91,
               "parameters that its package trains, without stem and stage 1",
               "they grow by 34.5 M from rank 2 to 64, adapters of every layer by 7.2 M"},
    OtherModel{"U-Net", "24.44", "unet_resnet34", 1, "all parameters",
               "they grow by 18.1 M from rank 2 to 64, adapters of every layer by 5.7 M"},
    OtherModel{"DeepLabV3+", "58.63", "deeplabv3_resnet101", 21,
               "all parameters of DeepLabV3, not V3+",
               "they grow by 44.1 M from rank 2 to 64, adapters of every layer by 14.4 M"}};

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
  std::printf("\nModels whose updated parameters follow from no rule: sizes in millions.\n\n");
  std::printf("%-16s %7s %7s\n", "model", "paper", "ours");
  for (const OtherModel& other : kOthers) {
    const std::string ours = millions(counted_by_the_paper(other));
    std::printf("%-16s %7s %7s  %s: %s with %lld classes, %s\n%34supdated: %s\n",
                other.label.data(), other.millions.data(), ours.c_str(),
                ours == other.millions ? "agrees" : "differs", other.name.data(),
                wide(other.classes), other.counted.data(), "", other.reason.data());
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
                        .classes = choice.classes,
                        .channels = choice.channels,
                        .pool = 1},
                       seed);
}

void print_models(bool as_json) {
  if (as_json) {
    std::printf("%s\n", json(models::model_names()).dump().c_str());
    return;
  }
  for (const std::string& name : models::model_names()) {
    std::printf("%s\n", name.c_str());
  }
}

void print_params(const ModelChoice& choice, const LoraeOptions& lorae, bool as_json) {
  const auto model = build(choice, std::nullopt);
  const ModelCounts counts = models::count(*model, lorae);
  if (as_json) {
    std::printf("%s\n", to_json(choice, counts, *model).dump().c_str());
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
  std::printf("%-8s %14s %14s %14s\n", "method", "numbers", "bytes up", "bytes down");
  std::vector<std::int64_t> up;
  for (const auto& [name, state] :
       {std::pair("lorae", adapter), std::pair("full", model->weights())}) {
    const RoundBytes bytes = round_bytes(state, codecs);
    up.push_back(bytes.up);
    std::printf("%-8s %14lld %14lld %14lld\n", name, wide(state.numel()), wide(bytes.up),
                wide(bytes.down));
  }
  std::printf("\nper client and round, up by %s, down by %s: full is %.1fx\n",
              codecs.uplink.c_str(), codecs.downlink.c_str(),
              static_cast<double>(up[1]) / static_cast<double>(up[0]));
}

void print_forecast(const std::string& config,
                    const std::vector<std::string>& overrides,
                    const std::string& home) {
  const experiment::RunConfig run = experiment::load_run_config(config, overrides);
  const auto forecasts = simulation::forecast_bytes(run, home);
  std::printf("%-16s %14s %14s\n", "method", "bytes up", "bytes down");
  for (const simulation::BytesForecast& one : forecasts) {
    std::printf("%-16s %14.0f %14.0f\n", one.method.c_str(), one.uplink, one.downlink);
  }
  std::printf("\nper client and round, the mean of %lld rounds, framing and joining included\n",
              wide(run.federation.rounds));
}

void print_paper_params() {
  std::printf("Updated parameters in millions, the paper's tables 3 and 5-7 beside ours.\n\n");
  std::printf("%-13s %5s %5s  %7s %7s  %s\n", "model", "table", "rank", "paper", "ours", "");
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
    std::printf("%-13s %5s %5s  %7.*s %7s  %s\n", name.c_str(), "", "all",
                static_cast<int>(paper.millions.size()), paper.millions.data(), total.c_str(),
                total == paper.millions           ? "agrees"
                : with_adapters == paper.millions ? "the paper's is with adapters of rank 32"
                                                  : "differs");
    for (const PaperCell& cell : paper.cells) {
      ++cells;
      possible += cell.rank_meant > 0;
      std::printf("%-13s %5.*s %5lld  %7.*s %7s  %s\n", name.c_str(),
                  static_cast<int>(cell.table.size()), cell.table.data(), wide(cell.rank),
                  static_cast<int>(cell.millions.size()), cell.millions.data(),
                  updated(cell.rank).c_str(),
                  verdict(cell, updated(cell.rank_meant), matches).c_str());
    }
  }
  std::printf(
      "\n%d of %d cells agree at the rank that they belong to; %d more are the paper's "
      "errors.\n",
      matches, possible, cells - possible);
  print_others();
}

}  // namespace lorae::apps
