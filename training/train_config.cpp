#include "training/train_config.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "data/open.h"

namespace lorae::training {
namespace {

struct Top {
  std::uint64_t seed = 0;
  std::string data;
  std::vector<std::string> classes = {};
};

template <typename Visitor>
void visit_fields(Top& top, Visitor&& visit) {
  visit("seed", top.seed, between(0, 1e15), "of every random choice");
  visit("data", top.data, anything(), "folder of the images");
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
  const auto set = data::open_dataset(path, 3, data::Split::kTrain);
  images = set->in_memory();
  const data::ImageShape shape =
      images == nullptr ? data::ImageShape{3, 224, 224} : images->shape();
  set_unless_given("channels", model.channels, shape.channels);
  set_unless_given("height", model.height, shape.height);
  set_unless_given("width", model.width, shape.width);
  set_unless_given("pool", model.pool, std::int64_t{1});
  set_unless_given("stem", model.stem, model.height < kSmall ? "small" : "standard");
  if (model.channels == 3) {  // the mean over ImageNet's channels
    set_unless_given("mean", model.mean, 0.449);
    set_unless_given("standard_deviation", model.standard_deviation, 0.226);
  }
  set_unless_given("classes", model.classes, std::ssize(set->classes()));
}

}  // namespace

TrainConfig read_train_config(ConfigReader& reader) {
  TrainConfig config;
  Top top;
  reader.read("", top);
  config.seed = top.seed;
  config.data = top.data;
  config.classes = top.classes;
  reader.read("model", config.model);
  reader.read("train", config.train);
  reader.read("augment", config.augment);
  reader.finish();
  check(!config.data.empty(), ErrorCode::kInvalidConfig,
        "[train] no data: give a folder of images");
  suit_images(config.model, config.data, reader);
  if (config.classes.empty()) {
    config.classes = data::class_names(config.data);
  }
  check(config.model.height % config.model.pool == 0 && config.model.width % config.model.pool == 0,
        ErrorCode::kInvalidConfig, reader.where("model.pool"), ": expected a divisor of ",
        config.model.height, " and ", config.model.width, ", got ", config.model.pool);
  return config;
}

std::string print_train_config(const TrainConfig& config) {
  ConfigPrinter printer;
  printer.print("", Top{config.seed, config.data, config.classes});
  printer.print("model", config.model);
  printer.print("train", config.train);
  printer.print("augment", config.augment);
  return printer.text();
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
