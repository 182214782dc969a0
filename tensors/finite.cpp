#include "tensors/finite.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae {
namespace {

/// In one pass and without a copy for the types that models have: a nan is its own extreme.
bool all_finite(const at::Tensor& tensor) {
  if (!tensor.is_floating_point() || tensor.numel() == 0) {
    return true;
  }
  const bool wide = tensor.scalar_type() == at::kDouble;
  const auto [low, high] = at::aminmax(tensor.detach().to(wide ? at::kDouble : at::kFloat));
  return std::isfinite(low.item<double>()) && std::isfinite(high.item<double>());
}

/// The place of the first number of `tensor` where `finite` is not.
struct Place {
  double value;
  std::string index;  ///< "[3, 0]"
  std::int64_t count;
};

Place first_lost(const at::Tensor& tensor, const at::Tensor& finite) {
  const at::Tensor lost = finite.logical_not().reshape({-1}).nonzero().reshape({-1});
  auto flat = lost[0].item<std::int64_t>();
  Place place{tensor.detach().to(at::kDouble).reshape({-1})[flat].item<double>(), "", lost.numel()};
  for (std::int64_t d = tensor.dim() - 1; d >= 0; flat /= tensor.size(d), --d) {
    place.index = lorae::str(flat % tensor.size(d), place.index.empty() ? "" : ", ", place.index);
  }
  place.index = lorae::str('[', place.index, ']');
  return place;
}

double largest(c10::ScalarType type) {
  return type == at::kHalf       ? static_cast<double>(std::numeric_limits<c10::Half>::max())
         : type == at::kBFloat16 ? static_cast<double>(std::numeric_limits<c10::BFloat16>::max())
                                 : static_cast<double>(std::numeric_limits<float>::max());
}

}  // namespace

void check_finite(std::string_view component, const std::string& name, const at::Tensor& tensor) {
  if (all_finite(tensor)) {
    return;
  }
  const Place place = first_lost(tensor, at::isfinite(tensor.detach()));
  fail(ErrorCode::kCorruptData, '[', component, "] '", name, "' holds ", place.value, " at ",
       place.index, "; ", place.count, " of its ", tensor.numel(), " numbers are not finite");
}

void check_finite(std::string_view component, const StateDict& state) {
  for (const auto& [name, tensor] : state) {
    check_finite(component, name, tensor);
  }
}

at::Tensor converted(std::string_view component,
                     const std::string& name,
                     const at::Tensor& tensor,
                     c10::ScalarType type) {
  check_finite(component, name, tensor);
  if (!tensor.is_floating_point() || tensor.scalar_type() == type) {
    return tensor;
  }
  at::Tensor result = tensor.to(type);
  if (!all_finite(result)) {
    const Place place = first_lost(tensor, at::isfinite(result));
    fail(ErrorCode::kIncompatible, '[', component, "] '", name, "' holds ", place.value, " at ",
         place.index, ": expected at most ", largest(type), ", the largest ", c10::toString(type),
         "; use a type of a wider range, such as bfloat16 or float32");
  }
  return result;
}

}  // namespace lorae
