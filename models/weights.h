#pragma once

#include <string>
#include <vector>

#include "adapters/adapter_file.h"
#include "models/model.h"

namespace lorae::models {

/// Gives the model a reference checkpoint's tensors. They are shared, not copied, where the dtype
/// is the model's own; else converted. Counters (num_batches_tracked) may be absent or
/// left over; nothing else may.
/// Errors: kIncompatible, naming the first tensors that are missing, unknown or of another shape.
void load_weights(Model& model, const StateDict& weights);

/// What became of a checkpoint that fits in part.
struct PartialLoad {
  struct Left {
    std::string name;
    std::string reason;
  };
  std::size_t taken = 0;
  std::vector<Left> initialised = {};    ///< tensors of the model that keep their start, and why
  std::vector<std::string> unused = {};  ///< tensors of the file that have no place
  std::string renaming;                  ///< "+encoder." or "-module." if names were changed to fit
};

/// For fine-tuning: takes every tensor whose name and shape fit, for example all but the class
/// predictors of a detector for another number of classes. Names may carry the prefixes that
/// wrappers add ("module.", "model.model."), or lack the one that an encoder has in the model
/// ("encoder.", "backbone.", "backbone.body.").
/// Errors: kIncompatible if less than half of the file has a place, naming the first that has none;
/// the model is unchanged.
PartialLoad load_matching(Model& model, const StateDict& weights);

/// Puts an adapter file's numbers on the model: extractors and mappers as its description says, and
/// every plain tensor that the file holds (head, norms; for kind "full" all weights).
/// Errors: kIncompatible if model, classes, the backbone's digest, names or shapes do not fit. A
/// description without a digest fits any backbone.
void apply_adapter(Model& model, const adapters::Adapter& adapter);

/// A truncated singular value decomposition of the difference of two models.
struct Extraction {
  struct Layer {
    std::string name;
    std::int64_t rank = 0;
    double error =
        0;  ///< Frobenius norm of what is left out over that of the difference; 0 if none
  };
  adapters::Adapter adapter;
  std::vector<Layer> layers;
  std::vector<std::string> not_held;  ///< tensors that differ and that such an adapter cannot hold
};

/// The adapter that brings `base` nearest to `tuned` at the ranks that `options` give.
/// Formula: U S V^T of tuned - base per layer and group; B = U sqrt(S) / sqrt(scaling),
/// A = sqrt(S) V^T / sqrt(scaling).
/// Errors: kIncompatible if they are not of one architecture.
Extraction extract_adapter(const Model& base,
                           const Model& tuned,
                           const adapters::LoraeOptions& options);

/// One adapter that acts as a weighted sum of several; its ranks are the sums of theirs.
/// Errors: kIncompatible if they are of different backbones, or hold whole tensors and the weights
/// do not sum to 1.
adapters::Adapter sum_of_adapters(
    const std::vector<std::pair<const adapters::Adapter*, double>>& parts);

}  // namespace lorae::models
