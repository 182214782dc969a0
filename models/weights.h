#pragma once

#include <string>
#include <vector>

#include "adapters/adapter_file.h"
#include "models/model.h"

namespace lorae::models {

/// Gives the model a reference checkpoint's tensors. They are shared, not copied, where the dtype
/// is the model's own; else converted. Counters (num_batches_tracked) may be absent or
/// left over; nothing else may. A prefix that all names share is taken off if the rest fits.
/// Errors: kIncompatible, naming the first tensors that are missing, unknown or of another shape;
/// as `converted` for numbers that are not finite or that the model's type does not hold.
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
/// wrappers add ("module.", "_orig_mod.", whatever all of them share), or lack the one that an
/// encoder has in the model ("encoder.", "backbone.", "backbone.body.").
/// Errors: kIncompatible if less than half of the file has a place, naming the first that has none,
/// and as load_weights for numbers; the model is unchanged.
PartialLoad load_matching(Model& model, const StateDict& weights);

/// Puts an adapter file's numbers on the model: extractors and mappers as its description says, and
/// every plain tensor that the file holds (head, norms; for kind "full" all weights).
/// Errors: kIncompatible if model, classes, the backbone's digest, names or shapes do not fit;
/// kCorruptData for numbers that are not finite. A description without a digest fits any backbone.
void apply_adapter(Model& model, const adapters::Adapter& adapter);

}  // namespace lorae::models
