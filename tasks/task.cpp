#include "tasks/task.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"
#include "tasks/classification.h"
#include "tasks/detection.h"
#include "tasks/semantic.h"
#include "tensors/torch.h"

namespace lorae::tasks {
namespace {

struct Row {
  std::string_view name;
  std::unique_ptr<Task> (*make)(const TaskSettings&);
};

constexpr std::array kTasks = {
    Row{"classification", &make_classification},
    Row{"detection", &make_detection},
    Row{"segmentation", &make_segmentation},
    Row{"semantic", &make_semantic},
};

}  // namespace

std::vector<std::string_view> task_names() {
  std::vector<std::string_view> names;
  for (const Row& row : kTasks) {
    names.push_back(row.name);
  }
  return names;
}

std::unique_ptr<Task> make_task(const std::string& name, const TaskSettings& settings) {
  std::vector<std::string> known;
  for (const Row& row : kTasks) {
    if (name == row.name) {
      return row.make(settings);
    }
    known.emplace_back(row.name);
  }
  fail(ErrorCode::kInvalidConfig, "[tasks] expected one of ", join(known), ", got '", name, "'");
}

Figures figures_of(const Meter& meter, const std::vector<std::string>& class_names) {
  Figures figures = meter.figures();
  figures.classes = class_names;
  figures.metrics = meter.result();
  figures.by_class = meter.per_class();
  return figures;
}

void check_annotation(const std::string& task, const Task& made, const data::Dataset& set) {
  const std::vector<data::Annotation> wanted = made.needs().annotations;
  if (std::ranges::find(wanted, set.annotation()) != wanted.end()) {
    return;
  }
  std::vector<std::string> names;
  for (const data::Annotation annotation : wanted) {
    names.emplace_back(name_of(annotation));
  }
  fail(ErrorCode::kInvalidConfig, "[tasks] ", task, " is learned from ", join(names, " or "),
       ", but the data set has ", name_of(set.annotation()),
       "; choose a model for these (`lorae models`), or other data");
}

namespace {

data::LoaderOptions common_options(const Task& task, const models::Model& model) {
  const models::ModelOptions& options = model.options();
  return {.shape = {options.channels, options.height, options.width},
          .masks = task.needs().masks,
          .pinned = model.device().is_cuda()};
}

}  // namespace

data::LoaderOptions learning_options(const Task& task,
                                     const models::Model& model,
                                     const data::AugmentOptions& augment,
                                     std::int64_t epochs) {
  data::LoaderOptions options = common_options(task, model);
  options.prepare = task.needs().proportions ? data::scene_changing(augment, epochs)
                                             : data::stretching(data::make_augmentation(augment));
  return options;
}

data::LoaderOptions judging_options(const Task& task, const models::Model& model) {
  data::LoaderOptions options = common_options(task, model);
  options.batch_size = evaluation_batch(model);
  options.shuffle = false;
  if (task.needs().proportions) {
    options.prepare = data::letterboxing();
  }
  return options;
}

TaskSettings settings_for(const models::ModelOptions& model) {
  return {.classes = model.classes - models::background_outputs(model.name)};
}

at::Tensor model_input(const models::Model& model, const at::Tensor& images) {
  const models::ModelOptions& options = model.options();
  return data::normalised(images.to(model.device(), /*non_blocking=*/true), options.mean,
                          options.standard_deviation)
      .to(model.type());
}

std::int64_t evaluation_batch(const models::Model& model) {
  constexpr std::int64_t kMost = 200, kLeast = 8;
  const std::int64_t budget = model.device().is_cpu() ? 40'000 : 10'000'000;  // pixels
  const models::ModelOptions& options = model.options();
  const std::int64_t pixels = options.height * options.width / (options.pool * options.pool);
  return std::clamp(budget / std::max<std::int64_t>(pixels, 1), kLeast, kMost);
}

std::unique_ptr<Meter> evaluate(models::Model& model,
                                const Task& task,
                                data::Loader& images,
                                const std::stop_token& stop,
                                const Listener& listener) {
  const torch::NoGradGuard no_grad;
  auto meter = task.meter();
  images.start(0);
  while (!stop.stop_requested()) {
    const auto batch = images.next();
    if (!batch) {
      break;
    }
    const Predictions predictions = task.predict(model, *batch);
    meter->add(predictions, *batch);
    if (listener) {
      listener(predictions, *batch);
    }
  }
  return meter;
}

}  // namespace lorae::tasks
