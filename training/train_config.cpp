#include "training/train_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "data/formats/open.h"

namespace lorae::training {
namespace {

/// A training that goes on may have other ones.
constexpr std::array<std::string_view, 4> kOperating = {"device", "deterministic", "threads",
                                                        "train.workers"};

struct Top {
  std::uint64_t seed = 0;
  DeviceOptions compute;
  std::int64_t threads = 0;
  std::string data;
  data::Damaged damaged = data::Damaged::kRefuse;
  std::string weights;
  std::vector<std::string> classes = {};
};

template <typename Visitor>
void visit_fields(Top& top, Visitor&& visit) {
  visit("seed", top.seed, between(0, 1e15), "of every random choice");
  visit_fields(top.compute, visit);
  visit("threads", top.threads, between(0, 4096), "that compute; 0: one per core");
  visit("data", top.data, anything(), "folder of the images");
  visit("damaged", top.damaged, anything(), "pictures that cannot be decoded: refuse or skip");
  visit("weights", top.weights, anything(), "safetensors to start from; empty: from the seed");
  visit("classes", top.classes, anything(), "names of the labels, in their order");
}

/// What the defaults of ModelOptions, made for Fashion-MNIST, are to other images.
void suit_images(models::ModelOptions& model, const std::string& path, const ConfigReader& reader) {
  constexpr std::int64_t kSmall = 64;  // pixels
  const auto set_unless_given = [&](const char* key, auto& field, auto value) {
    if (!reader.has(str("model.", key))) {
      field = value;
    }
  };
  const data::ImageSet* images = nullptr;
  const auto set =
      data::open_dataset(path, 3, data::Split::kTrain, {.damaged = data::Damaged::kSkip});
  images = set->in_memory();
  const data::ImageShape shape =
      images == nullptr ? data::ImageShape{3, 224, 224} : images->shape();
  set_unless_given("channels", model.channels, shape.channels);
  set_unless_given("height", model.height, shape.height);
  set_unless_given("width", model.width, shape.width);
  set_unless_given("pool", model.pool, std::int64_t{1});
  set_unless_given("stem", model.stem, model.height < kSmall ? "small" : "standard");
  if (model.channels == 3) {
    set_unless_given("mean", model.mean, models::kImageNetMean);
    set_unless_given("standard_deviation", model.standard_deviation, models::kImageNetDeviation);
  }
  set_unless_given("classes", model.classes, std::ssize(set->classes()));
}

Top top_of(const TrainConfig& config) {
  return {config.seed,    config.compute, config.threads, config.data,
          config.damaged, config.weights, config.classes};
}

TrainConfig read(ConfigReader& reader, const TrainConfig& start) {
  TrainConfig config = start;
  Top top = top_of(start);
  reader.read("", top);
  config.seed = top.seed;
  config.compute = top.compute;
  config.threads = top.threads;
  config.data = top.data;
  config.damaged = top.damaged;
  config.weights = top.weights;
  config.classes = top.classes;
  reader.read("model", config.model);
  reader.read("train", config.train);
  reader.read("augment", config.augment);
  reader.finish();
  return config;
}

}  // namespace

TrainConfig read_train_config(ConfigReader& reader) {
  TrainConfig config = read(reader, {});
  check(!config.data.empty(), ErrorCode::kInvalidConfig,
        "[train] no data: give a folder of images");
  suit_images(config.model, config.data, reader);
  if (config.classes.empty()) {
    config.classes = data::class_names(config.data);
  }
  models::check_input(config.model, reader);
  return config;
}

TrainConfig read_use_config(ConfigReader& reader, const TrainConfig& start) {
  TrainConfig config = read(reader, start);
  models::check_input(config.model, reader);
  return config;
}

std::string print_train_config(const TrainConfig& config) {
  ConfigPrinter printer;
  printer.print("", top_of(config));
  printer.print("model", config.model);
  printer.print("train", config.train);
  printer.print("augment", config.augment);
  return printer.text();
}

std::vector<ConfigDifference> identity_differences(const TrainConfig& before,
                                                   const TrainConfig& now) {
  const auto values_of = [](const TrainConfig& config) {
    ConfigValues values;
    values.add("", top_of(config));
    values.add("model", config.model);
    values.add("train", config.train);
    values.add("augment", config.augment);
    std::map<std::string, std::string> identity = values.all();
    std::erase_if(identity, [](const auto& entry) {
      return std::ranges::find(kOperating, entry.first) != kOperating.end();
    });
    return identity;
  };
  return differences(values_of(before), values_of(now));
}

std::function<double(double)> schedule_of(const TrainOptions& options) {
  return [options](double epochs) {
    if (epochs < options.warmup_epochs) {
      return std::max(epochs / options.warmup_epochs, 1e-3);
    }
    const double rest = static_cast<double>(options.epochs) - options.warmup_epochs;
    const double t = rest > 0 ? std::min((epochs - options.warmup_epochs) / rest, 1.0) : 0;
    const double fall = options.schedule == Schedule::kCosine
                            ? (1 + std::cos(std::numbers::pi * t)) / 2
                        : options.schedule == Schedule::kLinear ? 1 - t
                                                                : 1;
    return options.final_fraction + (1 - options.final_fraction) * fall;
  };
}

}  // namespace lorae::training
