#pragma once

#include "adapters/adapter_file.h"
#include "models/model.h"

namespace lorae::models {

/// Copies a reference checkpoint's tensors into the model, converting their dtype. Counters
/// (num_batches_tracked) may be absent; nothing else may be absent or left over.
/// Errors: kIncompatible, naming the first tensors that are missing, unknown or of another shape.
void load_weights(Model& model, const StateDict& weights);

/// Puts an adapter file's numbers on the model: extractors and mappers of the file's rank and alpha
/// and the head for kind "lorae"; the tensors that the file holds for the other kinds.
/// Errors: kIncompatible if names or shapes do not fit.
void apply_adapter(Model& model, const adapters::Adapter& adapter);

}  // namespace lorae::models
