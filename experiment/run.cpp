#include "experiment/run.h"

#include "adapters/adapter_file.h"
#include "adapters/blocks.h"
#include "aggregation/rules/normalised_steps.h"
#include "base/error.h"
#include "codec/lattice.h"
#include "experiment/backbone.h"
#include "experiment/fitted_rank.h"
#include "tensors/safetensors.h"
#include "tensors/torch.h"
#include "training/held.h"
#include "training/shares.h"

namespace lorae::experiment {
namespace {

/// The global state of an earlier run that fits this one.
StateDict initial_from(const std::filesystem::path& file,
                       const training::Learner& learner,
                       const adapters::AdapterInfo& wanted) {
  const adapters::Adapter adapter = adapters::load_adapter_as_kept(file);
  try {
    adapters::check_fits(adapter.info, wanted);
    check_aligned(joined(learner.trainable(), learner.constant()), adapter.state);
    check(digest_of(part_like(adapter.state, learner.constant())) == digest_of(learner.constant()),
          ErrorCode::kIncompatible,
          "its extractors are not those that this run starts from, and train = \"mapper\" keeps "
          "them; take the seed of that run, or train = \"factors\"");
  } catch (const Error& error) {
    fail(error.code(), "[run] cannot start from '", file.string(), "': ", error.what());
  }
  return part_like(adapter.state, learner.trainable());
}

/// The head that starts from class means, if it does.
std::optional<aggregation::HeadNames> class_means_of(const RunConfig& config,
                                                     const MethodConfig& method) {
  if (method.head_start != training::HeadStart::kClassMeans) {
    return std::nullopt;
  }
  aggregation::HeadNames names;
  for (const auto& [name, tensor] : models::build(config.model, std::nullopt)->head()) {
    (tensor.dim() == 1 ? names.bias : names.weight) = name;
  }
  return names;
}

}  // namespace

coordinator::ExchangeOptions exchange_of(const RunConfig& config,
                                         const MethodConfig& method,
                                         adapters::AdapterInfo info,
                                         StateDict constant) {
  aggregation::RuleOptions rule = method.rule;
  rule.residual_rank = method.lorae.residual_rank;
  return {.uplink = method.uplink,
          .max_uplink = method.max_uplink,
          .downlink = method.downlink,
          .lattice = method.lattice,
          .rule = std::move(rule),
          .server = method.server,
          .info = std::move(info),
          .constant = std::move(constant),
          .class_means = class_means_of(config, method),
          .local_steps = [training = config.training](std::int64_t examples) {
            const std::int64_t batches = (examples + training.batch_size - 1) / training.batch_size;
            return aggregation::effective_steps(training.local_epochs * batches, training.momentum);
          }};
}

Run make_run(const RunConfig& config,
             const MethodConfig& asked,
             std::uint64_t seed,
             const std::filesystem::path& home) {
  const MethodConfig method = with_fitted_rank(asked, config.model);
  Run run;
  run.plan = {.seed = seed,
              .model = config.model,
              .task = {.name = std::string(models::task_of(config.model.name)),
                       .classes = training::class_names(config.data)},
              .data = config.data,
              .training = config.training,
              .method = method,
              .augment = config.augment};
  // The backbone is that of the configuration's seed, so that seeds differ in the federation alone.
  training::Plan backbone_plan = run.plan;
  backbone_plan.seed = config.seed;
  Backbone backbone =
      config.model.weights.empty()
          ? pretrained_backbone(backbone_plan, config.pretraining, home / "backbones",
                                open_devices(config.compute).front())
          : own_backbone(backbone_plan, config.model.weights, home / "backbones");
  run.backbone = std::move(backbone.state);
  run.backbone_path = std::filesystem::absolute(backbone.file);
  run.backbone_file = safetensors_pack(run.backbone);
  const training::Learner learner(run.plan, run.backbone);
  adapters::AdapterInfo info = learner.description(run.backbone);
  run.initial = config.model.adapter.empty() ? learner.trainable().clone()
                                             : initial_from(config.model.adapter, learner, info);
  if (method.lattice > 0) {
    check(config.model.adapter.empty(), ErrorCode::kInvalidConfig,
          "lattice: clients know the start of a run by its seed, not an adapter of an earlier run; "
          "set lattice = 0 for this one");
    run.initial = adapters::to_state(codec::on_grid(adapters::to_blocks(run.initial)));
  }
  run.trainable_parameters = run.initial.numel();
  for (const training::Held& held :
       training::held_components(run.initial, method.lorae.residual_rank, 0)) {
    run.trainable_parameters -= held.which.sum().item<std::int64_t>();
  }
  run.total_parameters = learner.total_parameters();
  run.exchange = exchange_of(config, method, std::move(info), learner.constant().clone());
  return run;
}

}  // namespace lorae::experiment
