#include "apps/lorae/train_cli.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "apps/common/command_line.h"
#include "apps/lorae/train_commands.h"
#include "tasks/vision/detections.h"

namespace lorae::apps {
namespace {

/// Arguments of a command with the flags that change its configuration.
template <typename Arguments>
struct Asked {
  explicit Asked(CLI::App& command) : overrides(command) {}

  Arguments arguments;
  ConfigFlags overrides;

  auto apply() {
    return [this](ConfigReader& reader) { overrides.apply(reader); };
  }
};

/// Sides of the model's input.
void add_image_size(ConfigFlags& overrides) {
  overrides.number("--image-size", std::vector<std::string>{"model.height", "model.width"},
                   "pixels of a side");
}

void add_train_command(CLI::App& app) {
  auto* train = app.add_subcommand("train", "train a model, or adapters for one, on images");
  const auto asked = std::make_shared<Asked<TrainArguments>>(*train);
  TrainArguments& to = asked->arguments;
  train->add_option("DATA", to.data,
                    "folder: class folders in train and test, CIFAR, or IDX files");
  train->add_option("--out", to.out, "folder for weights, numbers and state")->required();
  train->add_option("--config", to.config, "TOML; DIR/config.toml has every key");
  asked->overrides.text("--model", "model.name", "see: lorae models");
  const auto absolute = [](const std::string& file) {
    return std::filesystem::absolute(file).string();
  };
  asked->overrides.text("--weights", "weights", "safetensors to start from", absolute);
  asked->overrides.text("--kind", "train.kind", "lorae, full or head");
  asked->overrides.text("--recipe", "recipe", "default, paper-cls, paper-det or paper-seg");
  asked->overrides.number("--rank", "train.rank", "of the adapters");
  add_image_size(asked->overrides);
  asked->overrides.number("--epochs", "train.epochs", "passes over the images");
  asked->overrides.number("--batch", "train.batch_size", "images per batch");
  asked->overrides.number("--steps", "train.steps", "end after so many batches");
  asked->overrides.number("--seed", "seed", "of every random choice");
  asked->overrides.text("--device", "device", "auto, cpu or cuda:N");
  asked->overrides.settings();
  train->add_option("--augment", to.augment, "none: pictures as they are")
      ->check(CLI::IsMember({"none"}));
  train->add_flag("--no-shuffle", to.no_shuffle, "images in the order of the set");
  train->add_flag("--resume", to.resume, "go on with the training in --out");
  train->add_flag("--json", to.as_json, "end with one JSON object");
  train->add_option("--log-steps", to.log_steps, "file for a JSON line per step");
  train->add_option("--dtype", "to compute in")
      ->check(CLI::IsMember({"float32", "float64"}))
      ->each([asked](const std::string& type) { asked->arguments.float64 = type == "float64"; });
  train->callback([asked] {
    const int status = run_train(asked->arguments, asked->apply());
    if (status != 0) {
      throw CLI::RuntimeError(status);
    }
  });
}

void add_model_flags(CLI::App* command, Asked<UseArguments>& asked) {
  UseArguments& to = asked.arguments;
  auto* weights = command->add_option("--weights", to.weights, "safetensors of the model");
  command->add_option("--adapter", to.adapter, "safetensors of an adapter for it")->needs(weights);
  command->add_option("--run", to.run, "folder of a training or a federated run, instead of both")
      ->excludes(weights);
  command->add_option("--config", to.config, "TOML, where the files do not say enough");
  asked.overrides.text("--model", "model.name", "see: lorae models");
  add_image_size(asked.overrides);
  asked.overrides.settings();
  asked.overrides.text("--device", "device", "auto, cpu or cuda:N");
  command->add_flag("--json", to.as_json, "JSON instead of text");
}

/// What of a detector's boxes counts.
void add_object_flags(CLI::App& command, UseArguments& to, double confidence) {
  const auto between_0_and_1 = CLI::Range(0.0, 1.0);
  to.confidence = confidence;
  command.add_option("--conf", to.confidence, "objects: least score")
      ->check(between_0_and_1)
      ->capture_default_str();
  command.add_option("--iou", to.overlap, "objects: boxes of a class that overlap more are one")
      ->check(between_0_and_1);
  command.add_option("--max-det", to.most, "objects: most of a picture")
      ->check(CLI::PositiveNumber);
  command.add_flag("--no-rect", to.square, "objects: square frames for all pictures");
}

void add_val_command(CLI::App& app) {
  auto* val = app.add_subcommand("val", "measure a model on the test half of a data set");
  const auto asked = std::make_shared<Asked<UseArguments>>(*val);
  val->add_option("DATA", asked->arguments.sources, "folder of images")->required()->expected(1);
  add_model_flags(val, *asked);
  UseArguments& to = asked->arguments;
  add_object_flags(*val, to, tasks::vision::KeepOptions{}.confidence);
  val->add_option("--protocol", to.protocol, "objects: whose rules judge")
      ->check(CLI::IsMember({"ultralytics", "coco", "voc", "voc07"}))
      ->capture_default_str();
  val->add_option("--out", to.out,
                  "folder for report.html, figures.json and a sheet of predictions");
  val->add_option("--batch", to.batch, "images at once")->check(CLI::PositiveNumber);
  auto* save = val->add_option("--save-json", to.save_json, "objects: file for COCO results");
  auto* file = val->add_option("--predictions", to.predictions,
                               "objects: judge such a file instead of a model");
  file->excludes(save);
  for (const char* of_a_model :
       {"--weights", "--adapter", "--run", "--conf", "--iou", "--max-det"}) {
    file->excludes(val->get_option(of_a_model));
  }
  val->add_option("--dtype", "to compute in")
      ->check(CLI::IsMember({"float32", "float64"}))
      ->each([asked](const std::string& type) { asked->arguments.float64 = type == "float64"; });
  val->callback([asked] { run_val(asked->arguments, asked->apply()); });
}

void add_predict_command(CLI::App& app) {
  auto* predict = app.add_subcommand("predict", "say what pictures show");
  const auto asked = std::make_shared<Asked<UseArguments>>(*predict);
  auto* source =
      predict->add_option("SOURCE", asked->arguments.sources, "pictures, folders of pictures");
  auto* watch = predict->add_option("--watch", asked->arguments.watch,
                                    "folder: those in it, and those that come, until Ctrl-C");
  watch->excludes(source);
  add_model_flags(predict, *asked);
  predict
      ->add_option("--adapter-from", asked->arguments.adapter_from,
                   "home of a client or coordinator, or folder as --run: take each newer model "
                   "from it, between two pictures")
      ->needs(watch)
      ->excludes("--weights")
      ->excludes("--run");
  constexpr double kSure = 0.25;
  add_object_flags(*predict, asked->arguments, kSure);
  asked->arguments.best_class = true;
  predict->add_option("--save", asked->arguments.save,
                      "folder for the pictures with what they show written above");
  predict->add_option("--top", asked->arguments.top, "classes to print")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  predict->callback([asked] { run_predict(asked->arguments, asked->apply()); });
}

}  // namespace

void add_train_commands(CLI::App& app) {
  add_train_command(app);
  add_val_command(app);
  add_predict_command(app);
}

}  // namespace lorae::apps
