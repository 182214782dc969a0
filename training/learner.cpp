#include "training/learner.h"

#include "base/error.h"
#include "tasks/classification.h"
#include "tensors/torch.h"

namespace lorae::training {
namespace {

StateDict joined(const StateDict& a, const StateDict& b) {
  std::vector<StateDict::Entry> entries(a.begin(), a.end());
  entries.insert(entries.end(), b.begin(), b.end());
  return StateDict(std::move(entries));
}

}  // namespace

Learner::Learner(const Plan& plan, const StateDict& backbone)
    : plan_(plan), model_(models::build(plan.model, Seed{plan.seed})) {
  copy_values_(model_->backbone(), backbone);
  if (plan.method.kind == "lorae") {
    model_->attach_adapters(plan.method.rank, plan.method.alpha, Seed{plan.seed});
    trainable_ = joined(model_->adapter(), model_->head());
  } else {
    trainable_ = plan.method.kind == "full" ? model_->weights() : model_->head();
  }
  model_->train_only(trainable_);
}

FitResult Learner::fit_round(const data::ImageSet& images,
                             std::string_view client,
                             std::uint64_t round,
                             double learning_rate_factor) {
  const double rate = plan_.method.learning_rate * learning_rate_factor;
  ParameterGroup mappers{.parameters = {},
                         .learning_rate = rate * plan_.method.mapper_learning_rate_ratio};
  ParameterGroup others{.parameters = {}, .learning_rate = rate};
  for (const auto& [name, tensor] : trainable_) {
    (name.ends_with(adapters::kMapperSuffix) ? mappers : others).parameters.push_back(tensor);
  }
  std::vector<ParameterGroup> groups{others};
  if (!mappers.parameters.empty()) {
    groups.push_back(mappers);
  }
  const SgdLoop loop{.epochs = plan_.training.local_epochs,
                     .batch_size = plan_.training.batch_size,
                     .momentum = plan_.training.momentum,
                     .clip_norm = plan_.training.clip_norm};
  return fit(*model_, images, groups, loop, Seed{plan_.seed}.derive("fit", client, round));
}

double Learner::accuracy(const data::ImageSet& images) const {
  return tasks::accuracy(*model_, images);
}

std::int64_t Learner::total_parameters() const {
  std::int64_t total = 0;
  for (const auto& [name, tensor] : model_->backbone()) {
    const bool statistic = name.ends_with("running_mean") || name.ends_with("running_var");
    total += statistic ? 0 : tensor.numel();
  }
  return total;
}

}  // namespace lorae::training
