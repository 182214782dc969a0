#include "training/learner.h"

#include "base/error.h"
#include "models/description.h"
#include "tensors/torch.h"
#include "training/shares.h"
#include "training/trainable.h"

namespace lorae::training {
using adapters::Kind;
using adapters::Norm;

Learner::Learner(const Plan& plan, const StateDict& backbone, at::Device device)
    : plan_(plan),
      task_(tasks::make_task(plan.task.name, tasks::settings_for(plan.model))),
      model_(models::build(plan.model, Seed{plan.seed})) {
  copy_values_(model_->backbone(), backbone);
  const MethodOptions& method = plan.method;
  if (method.kind == Kind::kLorae) {
    attach_adapters(*model_, method.lorae, method.train, method.head, Seed{plan.seed});
  }
  trained_ = trainable_ =
      trainable_of(*model_, method.kind, method.train, method.head, method.norm);
  constant_ = constant_of(*model_, method.kind, method.train);
  const bool norms_learn = method.norm == Norm::kTrained || method.norm == Norm::kLocal;
  if (method.norm == Norm::kTrained) {
    trainable_ = joined(trained_, model_->norm_statistics());
  } else if (method.norm == Norm::kLocal) {
    trained_ = joined(trained_, model_->norm_affines());
    own_ = joined(model_->norm_affines(), model_->norm_statistics());
    first_own_ = own_.clone();
  }
  total_parameters_ = count_parameters(*model_);
  model_->train_only(trained_);
  if (method.kind != Kind::kFull && method.norm == Norm::kFrozen) {
    model_->fold_norms();  // frozen, they are part of the convolutions: less to compute and to keep
  }
  model_->set_batch_norm_learning(norms_learn);
  model_->to(device);
}

adapters::AdapterInfo Learner::description(const StateDict& backbone) const {
  return {.model = plan_.model.name,
          .kind = plan_.method.kind,
          .classes = plan_.model.classes,
          .base_digest = digest_of(backbone).hex(),
          .head = plan_.method.head,
          .norm = plan_.method.norm,
          .layers = model_->adapter_layers(),
          .about = models::description_text(
              {.model = plan_.model, .task = plan_.task.name, .class_names = plan_.task.classes})};
}

FitResult Learner::fit_round(const data::DatasetPtr& images,
                             std::string_view client,
                             RoundId round,
                             double learning_rate_factor,
                             std::int64_t rank_max) {
  const MethodOptions& method = plan_.method;
  const StateDict trained = trained_in(trained_, method.train, round, method.period);
  model_->train_only(trained);
  auto groups =
      parameter_groups(trained, {.learning_rate = method.learning_rate * learning_rate_factor,
                                 .mapper_ratio = method.mapper_learning_rate_ratio,
                                 .weight_decay = plan_.training.weight_decay});
  data::AugmentOptions augment = plan_.augment;
  augment.mosaic_off = 0;  // a round is no training's end
  data::LoaderOptions options =
      tasks::learning_options(*task_, *model_, augment, plan_.training.local_epochs);
  options.batch_size = plan_.training.batch_size;
  data::Loader loader(images, options, Seed{plan_.seed}.derive("fit", client, round.value));
  Fit fit(*model_, *task_, loader,
          make_optimizer({.name = plan_.training.optimizer, .momentum = plan_.training.momentum},
                         std::move(groups)),
          {.epochs = plan_.training.local_epochs,
           .clip_norm = plan_.training.clip_norm,
           .proximal = plan_.training.proximal,
           .held = held_components(trained_, method.lorae.residual_rank, rank_max),
           .precision = plan_.training.precision,
           .noise = Seed{plan_.seed}.derive("noise", client, round.value)});
  while (fit.step()) {
  }
  return fit.result();
}

FitResult Learner::add_class_sums(const data::DatasetPtr& images) {
  const StateDict head = model_->head();
  model_->train_only(head);
  data::Loader loader(images, tasks::judging_options(*task_, *model_), {});
  loader.start(0);
  while (const auto batch = loader.next()) {
    const at::Tensor logits = model_->forward(tasks::model_input(*model_, batch->images));
    const at::Tensor own = batch->labels.to(logits.device()).unsqueeze(1);
    logits.gather(1, own).sum().backward();
  }
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : head) {
    at::Tensor(tensor).add_(tensor.grad() / static_cast<double>(loader.images()));
    at::Tensor(tensor).mutable_grad().reset();
  }
  return {.num_examples = loader.images()};
}

Metrics Learner::evaluate(const data::DatasetPtr& images, const std::stop_token& stop) const {
  data::Loader loader(images, tasks::judging_options(*task_, *model_), {});
  return tasks::evaluate(*model_, *task_, loader, stop)->result();
}

}  // namespace lorae::training
