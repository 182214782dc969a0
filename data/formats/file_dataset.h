#pragma once

#include <memory>

#include "data/dataset.h"
#include "data/formats/half.h"

namespace lorae::data {

/// The pictures of a half that is known, decoded when they are asked for. `channels`: 3 gives RGB,
/// 1 grey. Errors: kIncompatible for another number of channels.
DatasetPtr file_dataset(std::shared_ptr<const Known> known, std::int64_t channels);

}  // namespace lorae::data
