#include "training/train_config.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "data/formats/open.h"
#include "training/recipes.h"

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
  std::vector<std::string> learn = {};
  std::vector<std::string> judge = {};
  std::vector<std::string> stages = {};
  std::string recipe = "default";
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
  visit("learn", top.learn, anything(), "of those, what is learned; empty: all");
  visit("judge", top.judge, anything(), "of those, what is measured; empty: all");
  visit("stages", top.stages, anything(),
        "classes that are learned one after the other, such as [\"cat, dog\", \"bird\"]");
  visit("recipe", top.recipe, one_of(recipe_names()), "what is set where nothing is given");
}

constexpr std::int64_t kPicture = 224, kScene = 640;  // pixels

/// What the defaults of ModelOptions, made for Fashion-MNIST, are to other images. `scenes`: they
/// have boxes, outlines or masks.
void suit_images(TrainConfig& config,
                 const ConfigReader& reader,
                 const data::ImageShape& shape,
                 bool scenes) {
  constexpr std::int64_t kSmall = 64;  // pixels
  models::ModelOptions& model = config.model;
  const auto set_unless_given = [&](const char* key, auto& field, auto value) {
    if (!reader.has(str("model.", key))) {
      field = value;
    }
  };
  set_unless_given("channels", model.channels, shape.channels);
  set_unless_given("height", model.height, shape.height);
  set_unless_given("width", model.width, shape.width);
  set_unless_given("pool", model.pool, std::int64_t{1});
  set_unless_given("stem", model.stem, model.height < kSmall ? "small" : "standard");
  const bool as_they_are = scenes && config.train.task != "semantic";  // detectors' custom
  if (as_they_are) {
    set_unless_given("mean", model.mean, std::vector{0.0});
    set_unless_given("standard_deviation", model.standard_deviation, std::vector{1.0});
  } else if (model.channels == 3) {
    set_unless_given("mean", model.mean, models::kImageNetMean);
    set_unless_given("standard_deviation", model.standard_deviation, models::kImageNetDeviation);
  }
}

data::ImageShape shape_of_pictures(bool scenes) {
  const std::int64_t side = scenes ? kScene : kPicture;
  return {3, side, side};
}

/// By a look at the images.
void suit_data(TrainConfig& config, const ConfigReader& reader) {
  const auto set =
      data::open_dataset(config.data, 3, data::Split::kTrain, {.damaged = data::Damaged::kSkip});
  const bool scenes = set->annotation() != data::Annotation::kClass;
  const data::ImageSet* images = set->in_memory();
  suit_images(config, reader, images == nullptr ? shape_of_pictures(scenes) : images->shape(),
              scenes);
  if (!reader.has("model.classes")) {
    config.model.classes =
        std::ssize(set->classes()) + models::background_outputs(config.model.name);
  }
}

Top top_of(const TrainConfig& config) {
  return {config.seed,    config.compute, config.threads, config.data,
          config.damaged, config.weights, config.classes, config.learn,
          config.judge,   config.stages,  config.recipe};
}

/// `by_recipe`: what the reader leaves open is as the recipe says, else as in `start`.
enum class Paths { kAsTheyAre, kAbsolute };

std::string absolute(const std::string& path) {
  return path.empty() ? "" : std::filesystem::absolute(path).lexically_normal().string();
}

/// Of a training paths become absolute, so that it may go on from elsewhere.
TrainConfig read(ConfigReader& reader, const TrainConfig& start, bool by_recipe, Paths paths) {
  TrainConfig config = start;
  Top top = top_of(start);
  reader.read("", top);
  config.seed = top.seed;
  config.compute = top.compute;
  config.threads = top.threads;
  config.data = paths == Paths::kAbsolute ? absolute(top.data) : top.data;
  config.damaged = top.damaged;
  config.weights = paths == Paths::kAbsolute ? absolute(top.weights) : top.weights;
  config.classes = top.classes;
  config.learn = top.learn;
  config.judge = top.judge;
  config.stages = top.stages;
  config.recipe = top.recipe;
  reader.read("model", config.model);
  reader.read("train", config.train);
  if (by_recipe) {
    if (!reader.has("train.task")) {
      config.train.task = models::task_of(config.model.name);
    }
    reader.fill(ConfigReader::parse(recipe_text(config.recipe, config.train.task), config.recipe));
    reader.read("model", config.model);
    reader.read("train", config.train);
  }
  reader.read("augment", config.augment);
  reader.finish();
  return config;
}

}  // namespace

TrainConfig read_train_config(ConfigReader& reader) {
  TrainConfig config = read(reader, {}, true, Paths::kAbsolute);
  check(!config.data.empty(), ErrorCode::kInvalidConfig,
        "[train] no data: give a folder of images");
  suit_data(config, reader);
  if (config.classes.empty()) {
    config.classes = data::class_names(config.data);
  }
  models::check_input(config.model, reader);
  check(config.train.norm != adapters::Norm::kLocal, ErrorCode::kInvalidConfig,
        reader.where("train.norm"),
        ": \"local\" keeps norms on each device of a federation; on one machine \"trained\" does");
  check(config.train.train != adapters::Factors::kAlternating, ErrorCode::kInvalidConfig,
        reader.where("train.train"),
        ": \"alternating\" takes turns by rounds of a federation; on one machine \"factors\" does");
  check_has_rank(config.train.kind, config.train.lorae, reader, "train.rank");
  check(config.train.lorae.residual_rank == 0, ErrorCode::kInvalidConfig,
        reader.where("train.residual_rank"), ": is for the coordinator of a federation to fill");
  return config;
}

TrainConfig read_train_plan(ConfigReader& reader) {
  TrainConfig config = read(reader, {}, true, Paths::kAsTheyAre);
  const bool scenes = config.train.task != "classification";
  suit_images(config, reader, shape_of_pictures(scenes), scenes);
  models::check_input(config.model, reader);
  return config;
}

TrainConfig read_use_config(ConfigReader& reader, const TrainConfig& start) {
  TrainConfig config = read(reader, start, false, Paths::kAbsolute);
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
    Top top = top_of(config);
    top.data = absolute(top.data);
    top.weights = absolute(top.weights);
    values.add("", top);
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

ScheduleOptions schedule_of(const TrainOptions& options) {
  return {.kind = options.schedule,
          .epochs = options.epochs,
          .warmup_epochs = options.warmup_epochs,
          .warmup_least = options.warmup_least,
          .final_fraction = options.final_fraction,
          .stairs = options.stairs,
          .accumulate = options.accumulate,
          .nominal_batch = options.nominal_batch,
          .batch_size = options.batch_size};
}

tasks::TaskSettings task_settings(const TrainConfig& config) {
  tasks::TaskSettings settings = tasks::settings_for(config.model);
  settings.label_smoothing = config.train.label_smoothing;
  settings.box_gain = config.train.box_gain;
  settings.class_gain = config.train.class_gain;
  settings.dfl_gain = config.train.dfl_gain;
  return settings;
}

}  // namespace lorae::training
