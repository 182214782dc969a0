#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/model.h"

// Reference values come from models whose weights a formula fills: tests/golden/models/*.json.
namespace lorae::models::testing {

/// Formula: seed = FNV-1a of name, u(i) = (fmix32(seed + i * 0x9E3779B9) >> 8) * 2^-24; the value
/// is low + (high - low) * u(i), rounded once to float32. Shape: `shape`, float64.
at::Tensor formula_tensor(const std::string& name,
                          const std::vector<std::int64_t>& shape,
                          double low,
                          double high);

/// Fills every tensor by the rule of its name: statistics and biases small, norm scales near 1,
/// weights with `gain` times the variance that keeps activations of unit size.
void fill_by_formula_(Model& model, double gain);

/// Compares shape, sum, sum of magnitudes and single values with a golden file's, to 1e-9.
void expect_summary(const nlohmann::json& expected, const at::Tensor& got);

/// The options of the reference model `name`, for example "yolov8n-seg".
ModelOptions reference_options(const std::string& name, std::int64_t classes);

}  // namespace lorae::models::testing
