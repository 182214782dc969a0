#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "tensors/state_dict.h"

// What the tests of all folders that hold tensors share.
namespace lorae::testing {

/// Runs `action` and expects an Error with this code whose message contains `part`.
template <typename Action>
void expect_error(ErrorCode code, Action action, std::string_view part) {
  try {
    action();
    ADD_FAILURE() << "expected an error about: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string_view(error.what()).find(part), std::string_view::npos)
        << "'" << part << "' is not in: " << error.what();
  }
}

/// The largest difference, relative to the largest magnitude of `expected`.
inline double relative_error(const at::Tensor& got, const at::Tensor& expected) {
  const double scale = expected.abs().max().item<double>();
  const double difference = (got - expected).abs().max().item<double>();
  return scale > 0 ? difference / scale : difference;
}

/// Equal names, dtypes, shapes and bits.
inline bool same_bits(const StateDict& a, const StateDict& b) {
  return digest_of(a) == digest_of(b);
}

inline bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return same_bits(StateDict({{"x", a}}), StateDict({{"x", b}}));
}

}  // namespace lorae::testing
