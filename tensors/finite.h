#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>

#include "tensors/state_dict.h"

namespace lorae {

/// Errors: kCorruptData if one of the numbers is infinite or none at all, as
/// "[component] 'conv1.weight' holds nan at [3, 0]; 2 of its 96 numbers are not finite".
void check_finite(std::string_view component, const std::string& name, const at::Tensor& tensor);
void check_finite(std::string_view component, const StateDict& state);

/// Floating-point numbers in another type; whole numbers and booleans as they are.
/// Errors: as check_finite; kIncompatible for a number beyond the largest of `type`, naming both.
at::Tensor converted(std::string_view component,
                     const std::string& name,
                     const at::Tensor& tensor,
                     c10::ScalarType type);

}  // namespace lorae
