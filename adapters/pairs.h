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

/// Which component of its adapter each number of a factor belongs to, from 0: of an extractor the
/// filter, of a mapper the input channel; of a core the larger one of row and column. Undefined for
/// a tensor that is no factor. Shape: int64, broadcasts to that of `name` in `state`.
at::Tensor components_of(const StateDict& state, const std::string& name);

}  // namespace lorae::adapters
