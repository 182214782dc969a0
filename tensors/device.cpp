#include "tensors/device.h"

#include <ATen/autocast_mode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/text.h"
#include "tensors/torch.h"

namespace lorae {
namespace {

constexpr std::string_view kPage = "docs/gpu.md says how a GPU comes into use";

/// The index in "cuda" or "cuda:1".
std::optional<int> gpu_index(std::string_view text) {
  constexpr std::string_view kCuda = "cuda";
  if (text == kCuda) {
    return 0;
  }
  int index = 0;
  if (!text.starts_with("cuda:")) {
    return std::nullopt;
  }
  text.remove_prefix(kCuda.size() + 1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && index >= 0 && index <= std::numeric_limits<c10::DeviceIndex>::max()
             ? std::optional(index)
             : std::nullopt;
}

int gpu_count() {
  return at::hasCUDA() ? static_cast<int>(torch::cuda::device_count()) : 0;
}

void check_there(int index) {
  const auto fail_there = [&](const std::string& why) {
    fail(ErrorCode::kUnavailable, "cuda:", index, ": ", why, "; ", kPage);
  };
  if (!at::hasCUDA()) {
    fail_there(
        "this LibTorch has no CUDA: build with one that has (-DCMAKE_PREFIX_PATH=...), or set "
        "device = \"cpu\"");
  }
  if (gpu_count() == 0) {
    fail_there(
        "no GPU can be used here: is the driver loaded (nvidia-smi), CUDA_VISIBLE_DEVICES "
        "empty?");
  }
  if (index >= gpu_count()) {
    fail_there(str("expected one of cuda:0 to cuda:", gpu_count() - 1));
  }
}

/// Autocast of this thread's operations on GPUs: LibTorch renamed the switches.
void set_gpu_autocast(bool enabled, at::ScalarType type) {
#if LORAE_TORCH_VERSION >= 204
  at::autocast::set_autocast_enabled(at::kCUDA, enabled);
  at::autocast::set_autocast_dtype(at::kCUDA, type);
#else
  at::autocast::set_enabled(enabled);
  at::autocast::set_autocast_gpu_dtype(type);
#endif
}

}  // namespace

at::Device device_named(std::string_view text) {
  if (text == "cpu") {
    return at::kCPU;
  }
  if (text == "auto") {
    return gpu_count() > 0 ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
  }
  const std::optional<int> index = gpu_index(text);
  check(index.has_value(), ErrorCode::kInvalidConfig,
        "device: expected \"auto\", \"cpu\" or \"cuda:N\", got \"", text, '"');
  check_there(*index);
  return {at::kCUDA, static_cast<c10::DeviceIndex>(*index)};
}

std::vector<at::Device> devices_named(const std::vector<std::string>& texts) {
  std::vector<at::Device> devices;
  std::istringstream list(join(texts, ","));
  for (std::string text; std::getline(list, text, ',');) {
    const at::Device device = device_named(text);
    check(std::ranges::find(devices, device) == devices.end(), ErrorCode::kInvalidConfig,
          "device: \"", text, "\" comes twice");
    devices.push_back(device);
  }
  check(!devices.empty(), ErrorCode::kInvalidConfig, "device: expected at least one");
  check(devices.size() == 1 || std::ranges::none_of(devices, &at::Device::is_cpu),
        ErrorCode::kInvalidConfig, "device: a CPU beside GPUs; give one or the other");
  return devices;
}

std::vector<at::Device> open_devices(const DeviceOptions& options) {
  std::vector<at::Device> devices = devices_named(options.device);
  if (options.deterministic) {
    use_deterministic_algorithms();
  }
  return devices;
}

at::Device open_device(const DeviceOptions& options) {
  const std::vector<at::Device> devices = open_devices(options);
  check(devices.size() == 1, ErrorCode::kInvalidConfig, "device: this program uses one, got ",
        devices.size());
  return devices.front();
}

void synchronise(at::Device device) {
  if (device.is_cuda()) {
    c10::impl::VirtualGuardImpl(device.type()).getStream(device).synchronize();
  }
}

struct OwnStream::State {
  explicit State(const c10::Stream& stream) : guard(stream) {}
  c10::StreamGuard guard;
};

OwnStream::OwnStream(at::Device device) {
  if (device.is_cuda()) {
    const c10::impl::VirtualGuardImpl gpu(device.type());
    state_ = std::make_unique<State>(gpu.getStreamFromGlobalPool(device, /*isHighPriority=*/false));
  }
}

OwnStream::~OwnStream() {
  if (state_) {
    synchronise(state_->guard.current_device());
  }
}

void use_deterministic_algorithms() {
  at::globalContext().setDeterministicAlgorithms(/*enabled=*/true, /*warn_only=*/true);
  at::globalContext().setDeterministicCuDNN(true);
  at::globalContext().setBenchmarkCuDNN(false);
}

Autocast::Autocast(at::Device device, Precision precision)
    : active_(device.is_cuda() && precision != Precision::kFloat32) {
  if (active_) {
    set_gpu_autocast(true, precision == Precision::kFloat16 ? at::kHalf : at::kBFloat16);
  }
}

Autocast::~Autocast() {
  if (active_) {
    at::autocast::clear_cache();  // else weights of before the next step would be taken again
    set_gpu_autocast(false, at::kHalf);
  }
}

struct NoAutocast::State {
  c10::impl::ExcludeDispatchKeyGuard guard{c10::autocast_dispatch_keyset};
};

NoAutocast::NoAutocast() : state_(std::make_unique<State>()) {}

NoAutocast::~NoAutocast() = default;

at::Tensor widened(const at::Tensor& tensor) {
  const bool half = tensor.scalar_type() == at::kHalf || tensor.scalar_type() == at::kBFloat16;
  return half ? tensor.to(at::kFloat) : tensor;
}

}  // namespace lorae
