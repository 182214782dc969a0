#pragma once

#include <string>
#include <vector>

#include "tensors/state_dict.h"

namespace lorae::adapters {

/// The two factors of an adapted layer among the tensors of a state.
struct Pair {
  std::string layer;
  std::string extractor, mapper;  ///< their names
  std::int64_t groups = 1;        ///< of the layer; each has a product of its own

  /// Shape: [groups, r, Cin / groups k^2], of `state`'s extractor.
  at::Tensor rows(const StateDict& state) const;
  /// Shape: [groups, Cout / groups, r], of its mapper.
  at::Tensor columns(const StateDict& state) const;
};

/// The layers of which `state` has both factors, in the order of their names.
std::vector<Pair> pairs_of(const StateDict& state);

}  // namespace lorae::adapters
