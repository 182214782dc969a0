// `lorae val`: how well a trained model does.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/common/output.h"
#include "apps/common/table.h"
#include "apps/lorae/objects.h"
#include "apps/lorae/trained.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "data/classes.h"
#include "data/formats/open.h"
#include "report/judgement_page.h"
#include "tasks/prediction_sheet.h"
#include "tensors/torch.h"
#include "training/shares.h"
#include "training/train_files.h"

namespace lorae::apps {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json json_of(const tasks::Meter& meter,
             const Trained& trained,
             const UseArguments& asked,
             std::int64_t images,
             double seconds) {
  const bool objects = meter.result().find("map50").has_value();
  std::int64_t instances = 0;
  json metrics = json::object();
  for (const auto& [name, value] : meter.result()) {
    metrics[name] = value;
  }
  json classes = json::array();
  for (const ClassResult& result : meter.per_class()) {
    instances += result.images;
    json line{{"name", trained.class_name(result.label)},
              {objects ? "instances" : "images", result.images}};
    for (const auto& [name, value] : result.metrics) {
      line[name] = value;
    }
    classes.push_back(std::move(line));
  }
  json result{{"task", trained.config.train.task},
              {"images", images},
              {"metrics", metrics},
              {"per_class", classes},
              {"seconds", seconds}};
  if (objects) {
    result["instances"] = instances;
    result["protocol"] = asked.protocol;
  }
  return result;
}

void print_result(const UseArguments& asked, const json& result) {
  if (asked.as_json) {
    say("{}\n", json_line(result));
    return;
  }
  const auto number = [](const json& value) { return fmt::format("{:.4f}", value.get<double>()); };
  Table totals("lr", {});
  for (const auto& [name, value] : result.at("metrics").items()) {
    totals.row(name, number(value));
  }
  totals.print();
  say("\n");
  std::vector<std::string> columns;
  for (const json& line : result.at("per_class")) {
    for (const auto& [name, value] : line.items()) {
      if (value.is_number_float() && std::ranges::find(columns, name) == columns.end()) {
        columns.push_back(name);
      }
    }
  }
  const char* count = result.contains("instances") ? "instances" : "images";
  std::vector<std::string> head{"class", count};
  head.insert(head.end(), columns.begin(), columns.end());
  Table classes("l" + std::string(head.size() - 1, 'r'), head);
  for (const json& line : result.at("per_class")) {
    std::vector<std::string> cells{line.at("name").get<std::string>(),
                                   std::to_string(line.at(count).get<std::int64_t>())};
    for (const std::string& column : columns) {
      cells.push_back(line.contains(column) ? number(line.at(column)) : "-");
    }
    classes.row(std::move(cells));
  }
  classes.print();
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

/// Before anything is measured. Errors: kInvalidConfig for a folder with files of others.
void expect_room_for_figures(const fs::path& folder) {
  if (!folder.empty()) {
    expect_own_folder(folder, kFiguresFile, "a judgement");
    check(!fs::exists(folder / "config.toml"), ErrorCode::kInvalidConfig, "[val] '",
          folder.string(), "' holds a training or a run; choose another --out");
  }
}

/// Figures, the sheet and a page of both. `sheet` may be undefined.
void write_figures(const UseArguments& asked,
                   const Trained& trained,
                   const tasks::Meter& meter,
                   const at::Tensor& sheet) {
  if (asked.out.empty()) {
    return;
  }
  const fs::path folder = asked.out;
  training::write_figures(folder, tasks::figures_of(meter, trained.config.classes), sheet);
  const fs::path data = fs::weakly_canonical(asked.sources.front());
  const std::string& what =
      asked.predictions.empty() ? trained.config.model.name : asked.predictions;
  std::vector<std::string> notes = {data.string()};
  if (meter.result().find("map50")) {
    notes.push_back("Judged as " + asked.protocol + " does.");
  }
  if (!trained.files.empty()) {
    notes.push_back("Made of " + join(trained.files));
  }
  report::write_page(
      folder / "report.html",
      report::judgement_page(folder, str(what, " on ", data.filename().string()), notes));
}

/// A file of predictions needs no model: classes are those of the data set.
bool judge_file(const UseArguments& asked) {
  if (asked.predictions.empty()) {
    return false;
  }
  const auto set = data::open_dataset(asked.sources.front(), 3, data::Split::kTest);
  check(set->annotation() == data::Annotation::kBoxes ||
            set->annotation() == data::Annotation::kOutlines,
        ErrorCode::kInvalidConfig, "[val] --predictions: expected a data set of objects, got ",
        name_of(set->annotation()));
  const TimePoint start = Clock::now();
  Trained trained;
  trained.config.classes = set->classes();
  trained.config.train.task = "detection";
  const auto meter = judged(asked.predictions, asked.sources.front(), *set, protocol_of(asked));
  write_figures(asked, trained, *meter, {});
  print_result(asked, json_of(*meter, trained, asked, set->size(), seconds(Clock::now() - start)));
  return true;
}

}  // namespace

void run_val(const UseArguments& asked, const std::function<void(ConfigReader&)>& overrides) {
  expect_room_for_figures(asked.out);
  if (judge_file(asked)) {
    return;
  }
  const Trained trained = load_trained(asked, asked.sources.front(), overrides);
  const auto images = labelled_as(trained, asked.sources.front());
  tasks::check_annotation(trained.config.train.task, *trained.task, *images);
  const TimePoint start = Clock::now();
  const tasks::Needs needs = trained.task->needs();
  data::LoaderOptions options = tasks::judging_options(*trained.task, *trained.model);
  options.batch_size = asked.batch.value_or(options.batch_size);
  options.workers = trained.config.train.workers;
  options.rectangular = needs.proportions && !asked.square;
  data::Loader loader(images, options, {});
  std::optional<CocoResults> results;
  std::optional<tasks::PredictionSheet> sheet;
  if (!asked.out.empty()) {
    sheet.emplace(*images, *trained.task);
  }
  if (!asked.save_json.empty()) {
    check(finds_objects(trained), ErrorCode::kInvalidConfig,
          "[val] --save-json: expected a detector, got ", trained.config.model.name);
    results.emplace(ResultIds(asked.sources.front(), *images),
                    needs.masks == data::Masks::kInstances);
  }
  const auto listener = [&](const tasks::Predictions& predictions, const data::Batch& batch) {
    if (results) {
      results->add(predictions, batch);
    }
    if (sheet) {
      sheet->add(predictions, batch);
    }
  };
  const auto meter = tasks::evaluate(*trained.model, *trained.task, loader, {}, listener);
  if (results) {
    results->save(asked.save_json);
  }
  write_figures(asked, trained, *meter, sheet ? sheet->drawn() : at::Tensor());
  print_result(asked,
               json_of(*meter, trained, asked, images->size(), seconds(Clock::now() - start)));
}

}  // namespace lorae::apps
