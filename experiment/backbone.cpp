#include "experiment/backbone.h"

#include <algorithm>

#include "base/atomic_file.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/progress.h"
#include "models/description.h"
#include "models/weights.h"
#include "tasks/task.h"
#include "tensors/safetensors.h"
#include "training/fit.h"
#include "training/shares.h"
#include "training/trainable.h"

namespace lorae::experiment {
namespace {

constexpr double kWarmUp = 0.2;  // of all steps

/// Rises linearly to 1, then falls linearly to 0: reaches a good backbone in few epochs.
/// Source: Smith & Topin 2017, "Super-Convergence" (arXiv:1708.07120).
double triangle(double progress) {
  return progress < kWarmUp ? std::max(progress / kWarmUp, 0.01)
                            : (1.0 - progress) / (1.0 - kWarmUp);
}

std::string cache_name(const training::Plan& plan, const training::PretrainingOptions& options) {
  ConfigPrinter printer;
  printer.print("model", plan.model);
  printer.print("pretraining", options);
  const training::DataOptions& data = plan.data;
  const std::string key =
      str(plan.seed, '\n', data.path, '\n', data.public_images, '\n', name_of(data.damaged), '\n',
          name_of(data.split), '\n', printer.text());
  return plan.model.name + '-' + digest_of(view_of(key)).hex().substr(0, 16) + ".safetensors";
}

StateDict train(const training::Plan& plan,
                const training::PretrainingOptions& options,
                at::Device device) {
  const Seed seed{plan.seed};
  const auto model = models::build(plan.model, seed);
  if (options.epochs == 0) {
    return model->backbone().clone();
  }
  const data::DatasetPtr images = training::public_images(plan.data, plan.model, seed);
  model->set_batch_norm_learning(true);
  model->to(device);
  const StateDict backbone = model->backbone();
  const StateDict trainable = training::all_parameters(*model);
  model->train_only(trainable);
  training::ParameterGroup group{.parameters = {},
                                 .learning_rate = options.learning_rate,
                                 .weight_decay = options.weight_decay};
  for (const auto& [name, tensor] : trainable) {
    group.parameters.push_back(tensor);
  }
  const auto task = tasks::make_task(plan.task.name, tasks::settings_for(plan.model));
  data::LoaderOptions loading =
      tasks::learning_options(*task, *model, data::kNoAugmentation, options.epochs);
  loading.batch_size = options.batch_size;
  data::Loader loader(images, loading, seed.derive("pretrain"));
  const auto epochs = static_cast<double>(options.epochs);
  training::Fit fit(*model, *task, loader, training::make_optimizer({}, {group}),
                    {.epochs = options.epochs,
                     .noise = seed.derive("pretrain noise"),
                     .schedule = [epochs](const training::Moment& at) {
                       return training::Pace{.factor = triangle(at.progress / epochs)};
                     }});
  Progress progress("pre-training " + plan.model.name, options.epochs * images->size(), "images");
  while (const auto step = fit.step()) {
    progress.add(step->images);
  }
  progress.finish(str("last epoch's loss ", fit.result().loss));
  return map(backbone.clone(), [](const at::Tensor& t) { return t.cpu(); });
}

Metadata description_of(const training::Plan& plan) {
  return models::metadata_of(
      {.model = plan.model, .task = plan.task.name, .class_names = plan.task.classes});
}

}  // namespace

Backbone pretrained_backbone(const training::Plan& plan,
                             const training::PretrainingOptions& options,
                             const std::filesystem::path& cache,
                             at::Device device) {
  check(plan.data.public_images > 0 || options.epochs == 0, ErrorCode::kInvalidConfig,
        "data.public_images: 0 leaves no images to pre-train a backbone on; give some, or a "
        "backbone of your own by model.weights, or set pretraining.epochs = 0");
  ensure_directory(cache);
  const auto path = cache / cache_name(plan, options);
  // Two programs that start together must not both train it.
  const FileLock lock(path.string() + ".lock", FileLock::Wait::kYes);
  if (std::filesystem::exists(path)) {
    return {map_safetensors(path).state, path};
  }
  const StateDict backbone = train(plan, options, device);
  save_safetensors(path, backbone, description_of(plan));
  return {backbone, path};
}

Backbone own_backbone(const training::Plan& plan,
                      const std::filesystem::path& weights,
                      const std::filesystem::path& cache) {
  const auto model = models::build(plan.model, Seed{plan.seed});
  const models::PartialLoad load = models::load_matching(*model, map_safetensors(weights).state);
  const StateDict backbone = model->backbone().clone();
  std::string key = digest_of(backbone).hex();
  for (const auto& [name, text] : description_of(plan)) {  // the file says that, too
    key += str('\n', name, '\n', text);
  }
  ensure_directory(cache);
  const auto path = cache / str(plan.model.name, '-', digest_of(view_of(key)).hex().substr(0, 16),
                                ".safetensors");
  const FileLock lock(path.string() + ".lock", FileLock::Wait::kYes);
  if (!std::filesystem::exists(path)) {
    save_safetensors(path, backbone, description_of(plan));
  }
  log_info("backbone.loaded", "weights=", weights.string(), " taken=", load.taken,
           " drawn=", load.initialised.size(),
           load.initialised.empty() ? "" : " first_drawn=" + load.initialised.front().name);
  return {backbone, path};
}

}  // namespace lorae::experiment
