#include "tasks/task.h"

#include "base/error.h"
#include "base/text.h"
#include "tasks/classification.h"
#include "tensors/torch.h"

namespace lorae::tasks {
namespace {

struct Row {
  const char* name;
  std::unique_ptr<Task> (*make)(const TaskSettings&);
};

constexpr std::array kTasks = {Row{"classification", make_classification}};

}  // namespace

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (const Row& row : kTasks) {
    names.emplace_back(row.name);
  }
  return names;
}

std::unique_ptr<Task> make_task(const std::string& name, const TaskSettings& settings) {
  for (const Row& row : kTasks) {
    if (name == row.name) {
      return row.make(settings);
    }
  }
  fail(ErrorCode::kInvalidConfig, "[tasks] expected one of ", join(task_names()), ", got '", name,
       "'");
}

at::Tensor model_input(const models::Model& model, const at::Tensor& images) {
  const auto channels = static_cast<std::size_t>(images.size(1));
  const at::Tensor input =
      data::normalised(images, std::vector<double>(channels, model.options().mean),
                       std::vector<double>(channels, model.options().standard_deviation));
  return input.to(model.convolutions().front().second->weight.scalar_type());
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
