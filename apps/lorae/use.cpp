// `lorae val` and `lorae predict`: what a trained model says.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/common/output.h"
#include "apps/common/table.h"
#include "apps/lorae/trained.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/error.h"
#include "data/classes.h"
#include "data/draw.h"
#include "data/formats/open.h"
#include "data/picture.h"
#include "tensors/torch.h"
#include "training/shares.h"

namespace lorae::apps {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json json_of(const tasks::Meter& meter,
             const Trained& trained,
             std::int64_t images,
             double seconds) {
  json metrics = json::object();
  for (const auto& [name, value] : meter.result()) {
    metrics[name] = value;
  }
  json classes = json::array();
  for (const tasks::ClassResult& result : meter.per_class()) {
    json line{{"name", trained.class_name(result.label)}, {"images", result.images}};
    for (const auto& [name, value] : result.metrics) {
      line[name] = value;
    }
    classes.push_back(std::move(line));
  }
  return {{"task", trained.config.train.task},
          {"images", images},
          {"metrics", metrics},
          {"per_class", classes},
          {"seconds", seconds}};
}

/// The test half of a data set, under the labels of the model: classes go by name where both have
/// names, as for a client's own images.
data::DatasetPtr labelled_as(const Trained& trained, const std::string& folder) {
  const training::TrainConfig& config = trained.config;
  auto images = data::open_dataset(folder, config.model.channels, data::Split::kTest);
  if (config.classes.empty() || config.classes == images->classes()) {
    training::check_classes(*images, config.model);
    return images;
  }
  return data::relabelled(images, data::match_classes(images->classes(), config.classes, {}),
                          config.classes);
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

/// A name in `folder` that no picture before it was given.
fs::path place_in(const fs::path& folder, const fs::path& picture, std::set<fs::path>& given) {
  ensure_directory(folder);
  fs::path place = folder / picture.filename();
  for (int i = 2; !given.insert(place).second; ++i) {
    place =
        folder / fmt::format("{}-{}{}", picture.stem().string(), i, picture.extension().string());
  }
  return place;
}

std::vector<std::string> captions_of(const json& line) {
  std::vector<std::string> captions;
  for (const json& found : line.at("classes")) {
    captions.push_back(fmt::format("{} {:.1f} %", found.at("name").get<std::string>(),
                                   100 * found.at("probability").get<double>()));
  }
  return captions;
}

}  // namespace

void run_val(const UseArguments& asked, const std::function<void(ConfigReader&)>& overrides) {
  const Trained trained = load_trained(asked, asked.sources.front(), overrides);
  const auto images = labelled_as(trained, asked.sources.front());
  const TimePoint start = Clock::now();
  data::Loader loader(images,
                      {.shape = training::input_shape(trained.config.model),
                       .batch_size = asked.batch,
                       .shuffle = false,
                       .workers = trained.config.train.workers,
                       .pinned = trained.model->device().is_cuda()},
                      {});
  const auto meter = tasks::evaluate(*trained.model, *trained.task, loader);
  const json result = json_of(*meter, trained, images->size(), seconds(Clock::now() - start));
  if (asked.as_json) {
    say("{}\n", json_line(result));
    return;
  }
  Table totals("lr", {});
  for (const auto& [name, value] : meter->result()) {
    totals.row(name, fmt::format("{:.4f}", value));
  }
  totals.print();
  say("\n");
  Table classes("lrr", {"class", "images", trained.task->main_metric()});
  for (const json& line : result.at("per_class")) {
    const auto value = line.find(trained.task->main_metric());
    classes.row(line.at("name").get<std::string>(), line.at("images").get<std::int64_t>(),
                value == line.end() ? "-" : fmt::format("{:.4f}", value->get<double>()));
  }
  classes.print();
}

void run_predict(const UseArguments& asked, const std::function<void(ConfigReader&)>& overrides) {
  const Trained trained = load_trained(asked, "", overrides);
  const training::TrainConfig& config = trained.config;
  const data::ImageShape shape = training::input_shape(config.model);
  const torch::NoGradGuard no_grad;
  std::set<fs::path> saved;
  for (const fs::path& path : pictures_of(asked.sources)) {
    const at::Tensor picture = data::read_picture(path, config.model.channels);
    const at::Tensor image =
        torch::empty({1, shape.channels, shape.height, shape.width}, torch::kUInt8);
    data::fit_into(picture, image[0]);
    const data::Batch batch{image, torch::zeros({1}, torch::kInt64), {0}};
    const at::Tensor shares =
        trained.task->predict(*trained.model, batch).scores.cpu().softmax(1)[0];
    const auto [values, labels] = shares.topk(std::min(asked.top, config.model.classes));
    json line{{"file", path.string()}, {"width", picture.size(1)}, {"height", picture.size(0)}};
    for (std::int64_t i = 0; i < values.numel(); ++i) {
      const auto label = labels[i].item<std::int64_t>();
      line["classes"].push_back(
          {{"name", trained.class_name(label)}, {"probability", values[i].item<double>()}});
    }
    if (!asked.save.empty()) {
      data::write_picture(place_in(asked.save, path, saved),
                          data::captioned(picture, captions_of(line)));
    }
    if (asked.as_json) {
      say("{}\n", json_line(line));
      continue;
    }
    say("{}  {} x {}", path.string(), picture.size(1), picture.size(0));
    for (const json& found : line["classes"]) {
      say("  {} {:.1f} %", found["name"].get<std::string>(),
          100 * found["probability"].get<double>());
    }
    say("\n");
  }
}

}  // namespace lorae::apps
