#include "experiment/backbone.h"

#include <algorithm>

#include "base/atomic_file.h"
#include "base/digest.h"
#include "base/progress.h"
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
  const std::string key =
      str(plan.seed, '\n', plan.data.path, '\n', plan.data.public_images, '\n', printer.text());
  return plan.model.name + '-' + digest_of(view_of(key)).hex().substr(0, 16) + ".safetensors";
}

StateDict train(const training::Plan& plan, const training::PretrainingOptions& options) {
  const Seed seed{plan.seed};
  const data::DatasetPtr images = training::public_images(plan.data, plan.model, seed);
  const auto model = models::build(plan.model, seed);
  model->set_batch_norm_training(true);
  const StateDict backbone = model->backbone();
  const StateDict trainable = training::all_parameters(*model);
  model->train_only(trainable);
  training::ParameterGroup group{.parameters = {},
                                 .learning_rate = options.learning_rate,
                                 .weight_decay = options.weight_decay};
  for (const auto& [name, tensor] : trainable) {
    group.parameters.push_back(tensor);
  }
  const auto task = tasks::make_task(plan.task.name, {.classes = plan.model.classes});
  data::Loader loader(
      images, {.shape = training::input_shape(plan.model), .batch_size = options.batch_size},
      seed.derive("pretrain"));
  const auto epochs = static_cast<double>(options.epochs);
  training::Fit fit(*model, *task, loader, training::make_optimizer({}, {group}),
                    {.epochs = options.epochs,
                     .schedule = [epochs](double done) { return triangle(done / epochs); }});
  Progress progress("pre-training " + plan.model.name, options.epochs * images->size(), "images");
  while (const auto step = fit.step()) {
    progress.add(step->images);
  }
  progress.finish(str("last epoch's loss ", fit.result().loss));
  return backbone.clone();
}

}  // namespace

StateDict pretrained_backbone(const training::Plan& plan,
                              const training::PretrainingOptions& options,
                              const std::filesystem::path& cache) {
  ensure_directory(cache);
  const auto path = cache / cache_name(plan, options);
  // Two programs that start together must not both train it.
  const FileLock lock(path.string() + ".lock", FileLock::Wait::kYes);
  if (std::filesystem::exists(path)) {
    return load_safetensors(path).state;
  }
  const StateDict backbone = train(plan, options);
  save_safetensors(path, backbone);
  return backbone;
}

}  // namespace lorae::experiment
