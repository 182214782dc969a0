#pragma once

#include "adapters/description.h"
#include "models/model.h"

namespace lorae::training {

/// What is trained and sent of a model that has its adapters, if any: adapters with the head in
/// full and the norms' affines as asked; every weight but BatchNorm's; or the head. `head` and
/// `norm` count for adapters alone.
StateDict trainable_of(const models::Model& model,
                       adapters::Kind kind,
                       adapters::Head head,
                       adapters::Norm norm);

/// Every parameter, BatchNorm's among them, without statistics and counts: to train from scratch.
StateDict all_parameters(const models::Model& model);

}  // namespace lorae::training
