#pragma once

#include "adapters/description.h"
#include "adapters/policy.h"
#include "base/config_reader.h"
#include "base/ids.h"
#include "models/model.h"
#include "training/optimizer.h"

namespace lorae::training {

/// The keys that say what is trained, of any options that have them: of a federated method, and of
/// a training on one machine.
template <typename Options, typename Visitor>
void visit_what_is_trained(Options& options, Visitor&& visit) {
  visit("kind", options.kind, anything(), "what is trained: lorae, full or head");
  visit("train", options.train, anything(),
        "lorae: factors; mapper, on extractors that the seed draws and nobody sends; alternating; "
        "core, r x r between such extractors and mappers");
  adapters::visit_fields(options.lorae, visit);
  visit("head", options.head, anything(), "lorae, head: trained in full: last, branch or none");
  visit("norm", options.norm, anything(),
        "lorae, head: BatchNorm: frozen, affine, trained, or local to each device");
  visit("mapper_learning_rate_ratio", options.mapper_learning_rate_ratio, between(0.001, 1e6),
        "lorae: the mapper's, or core's, rate over the others' (LoRA+)");
}

/// That adapters have a rank, which only who makes plans may leave open. `key`: of the rank.
/// Errors: kInvalidConfig, with `reader`'s place.
void check_has_rank(adapters::Kind kind,
                    const adapters::LoraeOptions& lorae,
                    const ConfigReader& reader,
                    const char* key);

/// Puts adapters on a model whose head is trained as said, with cores if these are to be trained.
/// Errors: as Model::attach_adapters and attach_cores; kInvalidConfig for an adapter on a head that
/// is trained in full.
void attach_adapters(models::Model& model,
                     const adapters::LoraeOptions& lorae,
                     adapters::Factors factors,
                     adapters::Head head,
                     Seed seed);

/// What is trained and sent of a model that has its adapters, if any: every weight but BatchNorm's
/// for kind full; else of the adapters, if any, what `factors` says, and what `head` names in full
/// (for kind head at least the last layers); and the norms' affines if norm is affine or trained.
/// With norm local, no norm is in it, not even one of a branch that is trained in full.
StateDict trainable_of(const models::Model& model,
                       adapters::Kind kind,
                       adapters::Factors factors,
                       adapters::Head head,
                       adapters::Norm norm);

/// What of `trained` is trained in a round: of alternating factors the extractors in each
/// `period`-th round and the mappers in the others, for without mappers extractors have no
/// gradient; all of the rest.
StateDict trained_in(const StateDict& trained,
                     adapters::Factors factors,
                     RoundId round,
                     std::int64_t period);

/// True for parts of adapters that stay as they start, by their names.
bool is_constant(adapters::Factors factors, std::string_view name);

/// The parts of adapters that are not trained, and which a file of what is needs to be used.
StateDict constant_of(const models::Model& model, adapters::Kind kind, adapters::Factors factors);

/// Every parameter, BatchNorm's among them, without statistics and counts: to train from scratch.
StateDict all_parameters(const models::Model& model);

/// How many parameters the model has, without statistics; before adapters: those of the plain
/// model.
std::int64_t count_parameters(const models::Model& model);

struct GroupOptions {
  double learning_rate = 0;
  double mapper_ratio = 1;  ///< of the mappers' learning rate to the others'
  double weight_decay = 0;
  bool decay_all = true;        ///< else norms and biases do not decay
  double warmup_bias_rate = 0;  ///< of biases at the beginning of a warm-up
};

/// A group of each kind that there is: of mappers and others, and where it matters weights, norms
/// and biases.
/// Source: LoRA+, Hayou et al. 2024 (arXiv:2402.12354), for the mappers' rate.
std::vector<ParameterGroup> parameter_groups(const StateDict& trained, const GroupOptions& options);

}  // namespace lorae::training
