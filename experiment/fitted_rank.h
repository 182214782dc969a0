#pragma once

#include "experiment/run_config.h"

namespace lorae::experiment {

/// `method`, with the rank that its max_uplink lets through where it has rank 0: the largest one,
/// up to 64, with which what moves in a round takes no more than that at 1.2 bits a number. Alpha
/// grows with it, so that layers without groups, and without a rank of their own in `ranks`, have
/// the scaling that it gives rank 8. Steps of what is sent become as coarse as the bound needs, as
/// ever. Source: ours; measured, docs/choosing.md. Errors: kInvalidConfig for options that make no
/// adapters.
MethodConfig with_fitted_rank(MethodConfig method, const models::ModelOptions& model);

}  // namespace lorae::experiment
