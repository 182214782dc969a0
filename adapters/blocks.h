#pragma once

#include "codec/layout.h"
#include "tensors/state_dict.h"

namespace lorae::adapters {

/// A state as plain numbers for a codec, with the axis of each that carries scales
/// marked: the rank axis of extractors and mappers, the output axis of other weights.
/// Shape: float32 tensors on any device.
codec::Blocks to_blocks(const StateDict& state);

/// What a codec needs to know of a state to decode another one of the same kind; reads no values.
/// Shape: as above.
codec::Layout layout_of(const StateDict& state);

/// Key in the metadata of a safetensors file that holds a change of a state instead of a state; its
/// value is for people.
inline constexpr const char* kChangeKey = "change";

/// The other way; copies.
StateDict to_state(const codec::Blocks& blocks);

}  // namespace lorae::adapters
