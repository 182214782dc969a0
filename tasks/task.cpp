#include "tasks/task.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"
#include "tasks/classification.h"
#include "tensors/torch.h"

namespace lorae::tasks {
namespace {

struct Row {
  std::string_view name;
  std::unique_ptr<Task> (*make)(const TaskSettings&);
};

constexpr std::array kTasks = {
    Row{"classification", &make_classification},
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

at::Tensor model_input(const models::Model& model, const at::Tensor& images) {
  const models::ModelOptions& options = model.options();
  return data::normalised(images.to(model.device(), /*non_blocking=*/true), options.mean,
                          options.standard_deviation)
      .to(model.type());
}

std::int64_t evaluation_batch(const models::Model& model) {
  constexpr std::int64_t kMost = 200, kLeast = 8, kPixels = 40'000;
  const models::ModelOptions& options = model.options();
  const std::int64_t pixels = options.height * options.width / (options.pool * options.pool);
  return model.device().is_cpu()
             ? std::clamp(kPixels / std::max<std::int64_t>(pixels, 1), kLeast, kMost)
             : kMost;
}

std::unique_ptr<Meter> evaluate(models::Model& model,
                                const Task& task,
                                data::Loader& images,
                                const std::stop_token& stop) {
  const torch::NoGradGuard no_grad;
  auto meter = task.meter();
  images.start(0);
  while (!stop.stop_requested()) {
    const auto batch = images.next();
    if (!batch) {
      break;
    }
    meter->add(task.predict(model, *batch), *batch);
  }
  return meter;
}

}  // namespace lorae::tasks
