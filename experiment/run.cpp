#include "experiment/run.h"

#include "experiment/backbone.h"
#include "tensors/safetensors.h"

namespace lorae::experiment {

Run make_run(const RunConfig& config,
             const training::MethodOptions& method,
             std::uint64_t seed,
             const std::filesystem::path& home) {
  Run run;
  run.plan = config.plan(method, seed);
  // The backbone is that of the configuration's seed, so that seeds differ in the federation alone.
  training::Plan backbone_plan = run.plan;
  backbone_plan.seed = config.seed;
  run.backbone = pretrained_backbone(backbone_plan, config.pretraining, home / "backbones");
  run.backbone_file = safetensors_pack(run.backbone);
  const training::Learner learner(run.plan, run.backbone);
  run.initial = learner.trainable().clone();
  run.trainable_parameters = run.initial.numel();
  run.total_parameters = learner.total_parameters();
  run.model_options = {.server = config.server,
                       .uplink = method.uplink,
                       .downlink = method.downlink,
                       .info = learner.description(run.backbone)};
  return run;
}

}  // namespace lorae::experiment
