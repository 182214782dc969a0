#pragma once

#include "codec/block.h"
#include "tensors/state_dict.h"

namespace lorae::adapters {

/// A state as plain numbers for a codec, with the rank axis of extractors and mappers marked.
/// Shape: float32 tensors on any device.
codec::Blocks to_blocks(const StateDict& state);

/// The other way; copies.
StateDict to_state(const codec::Blocks& blocks);

}  // namespace lorae::adapters
