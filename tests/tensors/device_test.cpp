#include "tensors/device.h"

#include <gtest/gtest.h>

#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae {
namespace {

using lorae::testing::expect_error;

TEST(Device, HasAName) {
  EXPECT_EQ(device_named("cpu"), at::Device(at::kCPU));
  const bool gpu = torch::cuda::device_count() > 0;
  EXPECT_EQ(device_named("auto"), gpu ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU));
  for (const char* text :
       {"", "gpu", "cuda:", "cuda:-1", "cuda:1x", "CPU", "cuda:99999", "cuda1"}) {
    expect_error(
        ErrorCode::kInvalidConfig, [&] { device_named(text); },
        R"(expected "auto", "cpu" or "cuda:N")");
  }
}

TEST(Device, ThatIsNotThereSaysWhatIs) {
  const std::string name = "cuda:" + std::to_string(torch::cuda::device_count());
  const std::string why = !at::hasCUDA()                     ? "this LibTorch has no CUDA"
                          : torch::cuda::device_count() == 0 ? "no GPU can be used here"
                                                             : "expected one of cuda:0 to";
  for (const std::string& part : {name + ": " + why, std::string("docs/gpu.md")}) {
    expect_error(
        ErrorCode::kUnavailable, [&] { device_named(name); }, part);
  }
}

TEST(Device, MayBeOneOfAListEachOnce) {
  EXPECT_EQ(devices_named({"cpu"}), std::vector<at::Device>{at::kCPU});
  expect_error(
      ErrorCode::kInvalidConfig, [] { devices_named({}); }, "at least one");
  expect_error(
      ErrorCode::kInvalidConfig,
      [] {
        devices_named({"cpu", "cpu"});
      },
      "comes twice");
  expect_error(
      ErrorCode::kInvalidConfig, [] { devices_named({"cpu,cpu"}); }, "comes twice");
  EXPECT_EQ(open_device({.device = {"cpu"}}), at::Device(at::kCPU));
}

TEST(Autocast, LeavesACpuAlone) {
  const at::Tensor a = torch::rand({8, 8});
  const Autocast autocast(at::kCPU, Precision::kBfloat16);
  const OwnStream stream(at::kCPU);
  synchronise(at::kCPU);
  EXPECT_EQ(at::matmul(a, a).scalar_type(), at::kFloat);
}

}  // namespace
}  // namespace lorae
