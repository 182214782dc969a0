#pragma once

#include <ATen/core/ivalue.h>
#include <c10/util/flat_hash_map.h>

#include <string>
#include <utility>

#include "base/error.h"

/// What the nodes of a graph keep for their backward pass, which runs once.
namespace lorae::ops {

/// AutogradContext::saved_data.
using SavedData = ska::flat_hash_map<std::string, at::IValue>;

/// A T in a node's saved data.
template <typename T>
struct Kept : torch::CustomClassHolder {
  explicit Kept(T of) : value(std::move(of)) {}
  T value;
};
inline const std::string kKept = "kept";

template <typename T>
void keep(SavedData& data, T value) {
  data[kKept] = c10::IValue::make_capsule(c10::make_intrusive<Kept<T>>(std::move(value)));
}

/// Precondition: `keep` was called with a T. Errors: kInvalidArgument if `data` was cleared since.
template <typename T>
T& kept(const SavedData& data) {
  const auto found = data.find(kKept);
  check(found != data.end(), ErrorCode::kInvalidArgument,
        "[ops] a second backward pass through one forward pass: its maps are freed");
  return c10::static_intrusive_pointer_cast<Kept<T>>(found->second.toCapsule())->value;
}

}  // namespace lorae::ops
