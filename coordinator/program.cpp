#include "coordinator/program.h"

#include <random>

#include "tensors/safetensors.h"
#include "training/backbone.h"

namespace lorae::coordinator {

Experiment prepare_experiment(const RunConfig& config,
                              const training::MethodOptions& method,
                              std::uint64_t seed,
                              const std::filesystem::path& home) {
  Experiment experiment;
  experiment.plan = config.plan(method, seed);
  // The backbone is that of the configuration's seed, so that seeds differ in the federation alone.
  training::Plan backbone_plan = experiment.plan;
  backbone_plan.seed = config.seed;
  experiment.backbone =
      training::pretrained_backbone(backbone_plan, config.pretraining, home / "backbones");
  experiment.backbone_file = safetensors_pack(experiment.backbone);
  const training::Learner learner(experiment.plan, experiment.backbone);
  experiment.initial = learner.trainable().clone();
  experiment.trainable_parameters = experiment.initial.numel();
  experiment.total_parameters = learner.total_parameters();
  const bool lorae = method.kind == "lorae";
  experiment.model_options = {.server = config.server,
                              .uplink = method.uplink,
                              .downlink = method.downlink,
                              .info = {.model = config.model.name,
                                       .kind = method.kind,
                                       .classes = config.model.classes,
                                       .rank = lorae ? method.rank : 0,
                                       .alpha = lorae ? method.alpha : 0,
                                       .round = 0,
                                       .base_digest = digest_of(experiment.backbone).hex()}};
  return experiment;
}

std::uint64_t random_epoch() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32U | device();
}

}  // namespace lorae::coordinator
