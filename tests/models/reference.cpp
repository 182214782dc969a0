#include "tests/models/reference.h"

#include <cmath>

#include <gtest/gtest.h>

#include "tensors/torch.h"

namespace lorae::models::testing {
namespace {

std::uint32_t fnv1a32(const std::string& text) {
  std::uint32_t hash = 0x811C9DC5U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193U;
  }
  return hash;
}

std::uint32_t fmix32(std::uint32_t x) {
  x = (x ^ (x >> 16U)) * 0x85EBCA6BU;
  x = (x ^ (x >> 13U)) * 0xC2B2AE35U;
  return x ^ (x >> 16U);
}

/// In double, to be rounded once. The order of operations is the reference's: products such as
/// 0.425 u would else end on the other side of a float32's edge.
at::Tensor filled(const NamedTensor& entry, double gain) {
  const std::vector<std::int64_t> shape = entry.tensor.sizes().vec();
  const at::Tensor u = formula_tensor(entry.name, shape, -1, 1);  // exact in float32
  if (entry.name.ends_with("running_mean") || entry.name.ends_with("bias")) {
    return 0.1 * u;
  }
  if (entry.name.ends_with("running_var")) {
    return 1 + 0.5 * u.abs();
  }
  if (shape.size() == 1) {
    return 1 + 0.1 * u;
  }
  const auto fan_in = static_cast<double>(entry.tensor.numel() / shape[0]);
  return gain * std::sqrt(3.0 / fan_in) * u;
}

constexpr double kDoubleTolerance = 1e-9;  // relative to the sum of magnitudes

}  // namespace

at::Tensor formula_tensor(const std::string& name,
                          const std::vector<std::int64_t>& shape,
                          double low,
                          double high) {
  at::Tensor tensor = torch::empty(shape, c10::kDouble);
  const std::uint32_t seed = fnv1a32(name);
  double* values = tensor.data_ptr<double>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    const std::uint32_t mixed = fmix32(seed + static_cast<std::uint32_t>(i) * 0x9E3779B9U);
    const double u = static_cast<double>(mixed >> 8U) * 0x1p-24;
    values[i] = static_cast<float>(low + (high - low) * u);
  }
  return tensor;
}

void fill_by_formula_(Model& model, double gain) {
  const torch::NoGradGuard no_grad;
  for (const NamedTensor& entry : model.state()) {
    const bool constant = entry.name.ends_with("num_batches_tracked") ||
                          entry.name.find(".dfl.") != std::string::npos;
    if (!constant) {
      entry.tensor.copy_(filled(entry, gain));
    }
  }
}

void expect_summary(const nlohmann::json& expected, const at::Tensor& got) {
  ASSERT_EQ(nlohmann::json(got.sizes().vec()), expected.at("shape"));
  const double size = expected.at("abs_sum").get<double>();
  EXPECT_NEAR(got.sum().item<double>(), expected.at("sum").get<double>(), kDoubleTolerance * size);
  EXPECT_NEAR(got.abs().sum().item<double>(), size, kDoubleTolerance * size);
  const at::Tensor flat = got.reshape(-1);
  const double largest = got.abs().max().item<double>();
  if (expected.contains("probe")) {
    for (std::size_t i = 0; i < expected.at("probe").size(); ++i) {
      EXPECT_NEAR(flat[expected.at("probe_idx")[i].get<std::int64_t>()].item<double>(),
                  expected.at("probe")[i].get<double>(), kDoubleTolerance * largest);
    }
  }
}

ModelOptions reference_options(const std::string& name, std::int64_t classes) {
  return {.name = name, .stem = "standard", .classes = classes, .channels = 3, .pool = 1};
}

}  // namespace lorae::models::testing
