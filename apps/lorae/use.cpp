// `lorae val` and `lorae predict`: what a trained model says.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "adapters/adapter_file.h"
#include "apps/lorae/train_commands.h"
#include "base/clock.h"
#include "base/error.h"
#include "data/open.h"
#include "data/picture.h"
#include "models/weights.h"
#include "tasks/task.h"
#include "tensors/safetensors.h"
#include "tensors/torch.h"
#include "training/shares.h"
#include "training/train_config.h"

namespace lorae::apps {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A model with its weights, and what it was trained for.
struct Trained {
  training::TrainConfig config;
  std::unique_ptr<models::Model> model;
  std::unique_ptr<tasks::Task> task;
};

/// `data`: what the configuration's own is replaced by; empty: keep it.
Trained load(const UseArguments& asked,
             const std::string& data,
             const std::function<void(ConfigReader&)>& overrides) {
  ConfigReader reader = asked.config.empty() ? ConfigReader{} : ConfigReader::load(asked.config);
  overrides(reader);
  if (!data.empty()) {
    reader.set("data", {data, "DATA"});
  }
  Trained trained{training::read_train_config(reader), nullptr, nullptr};
  trained.model = models::build(trained.config.model, std::nullopt);
  models::load_weights(*trained.model, map_safetensors(asked.weights).state);
  if (!asked.adapter.empty()) {
    models::apply_adapter(*trained.model, adapters::load_adapter(asked.adapter));
    trained.model->fuse();
  }
  trained.task =
      tasks::make_task(trained.config.train.task, {.classes = trained.config.model.classes});
  return trained;
}

json json_of(const tasks::Meter& meter,
             const training::TrainConfig& config,
             std::int64_t images,
             double seconds) {
  json metrics = json::object();
  for (const auto& [name, value] : meter.result()) {
    metrics[name] = value;
  }
  json classes = json::array();
  for (const tasks::ClassResult& result : meter.per_class()) {
    const auto label = static_cast<std::size_t>(result.label);
    json line{
        {"name", label < config.classes.size() ? config.classes[label] : std::to_string(label)},
        {"images", result.images}};
    for (const auto& [name, value] : result.metrics) {
      line[name] = value;
    }
    classes.push_back(std::move(line));
  }
  return {{"task", config.train.task},
          {"images", images},
          {"metrics", metrics},
          {"per_class", classes},
          {"seconds", seconds}};
}

/// Pictures of the sources, folders searched to their bottom, in the order of names.
std::vector<fs::path> pictures_of(const std::vector<std::string>& sources) {
  std::vector<fs::path> found;
  const std::function<void(const fs::path&)> search = [&](const fs::path& path) {
    if (fs::is_directory(path)) {
      std::ranges::for_each(data::entries(path), search);
    } else if (data::is_picture(path)) {
      found.push_back(path);
    }
  };
  for (const std::string& source : sources) {
    check(fs::exists(source), ErrorCode::kInvalidConfig, "[predict] '", source, "' does not exist");
    if (fs::is_directory(source)) {
      search(source);
    } else {
      found.emplace_back(source);
    }
  }
  check(!found.empty(), ErrorCode::kInvalidConfig, "[predict] no picture in '", sources.front(),
        "'");
  return found;
}

}  // namespace

void run_val(const UseArguments& asked, const std::function<void(ConfigReader&)>& overrides) {
  const Trained trained = load(asked, asked.sources.front(), overrides);
  const auto images =
      data::open_dataset(trained.config.data, trained.config.model.channels, data::Split::kTest);
  training::check_classes(*images, trained.config.model);
  const TimePoint start = Clock::now();
  data::Loader loader(images,
                      {.shape = training::input_shape(trained.config.model),
                       .batch_size = asked.batch,
                       .shuffle = false,
                       .workers = trained.config.train.workers},
                      {});
  const auto meter = tasks::evaluate(*trained.model, *trained.task, loader);
  const json result =
      json_of(*meter, trained.config, images->size(), seconds(Clock::now() - start));
  if (asked.as_json) {
    fmt::print("{}\n", result.dump());
    return;
  }
  for (const auto& [name, value] : meter->result()) {
    fmt::print("{:24} {:.4f}\n", name, value);
  }
  fmt::print("\n{:24} {:>8} {:>8}\n", "class", "images", trained.task->main_metric());
  for (const json& line : result.at("per_class")) {
    const auto value = line.find(trained.task->main_metric());
    fmt::print("{:24} {:>8} {:>8}\n", line.at("name").get<std::string>(),
               line.at("images").get<std::int64_t>(),
               value == line.end() ? "-" : fmt::format("{:.4f}", value->get<double>()));
  }
}

void run_predict(const UseArguments& asked, const std::function<void(ConfigReader&)>& overrides) {
  const Trained trained = load(asked, "", overrides);
  const training::TrainConfig& config = trained.config;
  const data::ImageShape shape = training::input_shape(config.model);
  const torch::NoGradGuard no_grad;
  for (const fs::path& path : pictures_of(asked.sources)) {
    const at::Tensor picture = data::read_picture(path, config.model.channels);
    const at::Tensor image =
        torch::empty({1, shape.channels, shape.height, shape.width}, torch::kUInt8);
    data::fit_into(picture, image[0]);
    const data::Batch batch{image, torch::zeros({1}, torch::kInt64), {0}};
    const at::Tensor shares = trained.task->predict(*trained.model, batch).scores.softmax(1)[0];
    const auto [values, labels] = shares.topk(std::min(asked.top, config.model.classes));
    json line{{"file", path.string()}, {"width", picture.size(1)}, {"height", picture.size(0)}};
    for (std::int64_t i = 0; i < values.numel(); ++i) {
      const auto label = labels[i].item<std::int64_t>();
      line["classes"].push_back({{"name", label < std::ssize(config.classes)
                                              ? config.classes[static_cast<std::size_t>(label)]
                                              : std::to_string(label)},
                                 {"probability", values[i].item<double>()}});
    }
    if (asked.as_json) {
      fmt::print("{}\n", line.dump());
      continue;
    }
    fmt::print("{}  {} x {}", path.string(), picture.size(1), picture.size(0));
    for (const json& found : line["classes"]) {
      fmt::print("  {} {:.1f} %", found["name"].get<std::string>(),
                 100 * found["probability"].get<double>());
    }
    fmt::print("\n");
  }
}

}  // namespace lorae::apps
