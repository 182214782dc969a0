#include "experiment/run.h"

#include "experiment/backbone.h"
#include "tensors/safetensors.h"
#include "training/shares.h"

namespace lorae::experiment {

Run make_run(const RunConfig& config,
             const MethodConfig& method,
             std::uint64_t seed,
             const std::filesystem::path& home) {
  Run run;
  run.plan = {.seed = seed,
              .model = config.model,
              .task = {.classes = training::class_names(config.data)},
              .data = config.data,
              .training = config.training,
              .method = method};
  // The backbone is that of the configuration's seed, so that seeds differ in the federation alone.
  training::Plan backbone_plan = run.plan;
  backbone_plan.seed = config.seed;
  run.backbone = pretrained_backbone(backbone_plan, config.pretraining, home / "backbones");
  run.backbone_file = safetensors_pack(run.backbone);
  const training::Learner learner(run.plan, run.backbone);
  run.initial = learner.trainable().clone();
  run.trainable_parameters = run.initial.numel();
  run.total_parameters = learner.total_parameters();
  run.exchange = {.uplink = method.uplink,
                  .downlink = method.downlink,
                  .rule = method.rule,
                  .server = method.server,
                  .info = learner.description(run.backbone)};
  return run;
}

}  // namespace lorae::experiment
