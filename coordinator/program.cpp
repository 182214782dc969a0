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
  experiment.model_options = {.server = config.server,
                              .uplink = method.uplink,
                              .downlink = method.downlink,
                              .info = learner.description(experiment.backbone)};
  return experiment;
}

std::uint64_t random_epoch() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32U | device();
}

}  // namespace lorae::coordinator
