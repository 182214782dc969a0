#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/config_reader.h"

namespace lorae {

/// The device that a configuration means: "cpu", "cuda" (the first GPU), "cuda:1", or "auto": the
/// first GPU if LibTorch can use one here, else the CPU.
/// Errors: kInvalidConfig for other text; kUnavailable for a GPU that is not there, saying what is
/// and which page helps.
at::Device device_named(std::string_view text);

/// Each of them, to share work among; "cuda:0,cuda:1" names two. Errors: kInvalidConfig for none,
/// for one that comes twice, and for a CPU beside GPUs; those of device_named.
std::vector<at::Device> devices_named(const std::vector<std::string>& texts);

/// On what a program computes. Not part of what a run is: it may go on elsewhere.
struct DeviceOptions {
  std::vector<std::string> device = {"auto"};
  bool deterministic = false;
};

template <typename Visitor>
void visit_fields(DeviceOptions& options, Visitor&& visit) {
  visit("device", options.device, anything(), "auto, cpu, cuda:N, or a list of GPUs");
  visit("deterministic", options.deterministic, anything(), "on GPUs: the same bits each time");
}

/// The devices of `options`, in its order; makes GPUs deterministic if it says so.
/// Errors: as devices_named.
std::vector<at::Device> open_devices(const DeviceOptions& options);
/// For a program that uses one. Errors: kInvalidConfig for several, too.
at::Device open_device(const DeviceOptions& options);

/// Waits until what this thread gave `device` to do is done. Nothing for a CPU.
void synchronise(at::Device device);

/// While it lives, what this thread does on `device`, if that is a GPU, goes through a stream of
/// its own, beside what other threads do there; its end waits for all of it.
class OwnStream {
 public:
  explicit OwnStream(at::Device device);
  ~OwnStream();
  OwnStream(const OwnStream&) = delete;
  OwnStream& operator=(const OwnStream&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// From now on LibTorch's algorithms on GPUs give the same bits each time, in the whole process.
/// They may be slower. On a CPU they always do.
void use_deterministic_algorithms();

/// What the large operations of training and evaluation compute in on a GPU; a CPU computes in
/// float32 always, where our kernels are faster than its bfloat16.
enum class Precision { kFloat32, kBfloat16, kFloat16 };

/// While it lives, this thread's operations on `device` round to `precision` where LibTorch's
/// autocast does: convolutions and products, not sums and losses. Nothing for float32 and CPUs.
class Autocast {
 public:
  Autocast(at::Device device, Precision precision);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  bool active_;
};

/// While it lives, an Autocast around it does nothing: for losses, which have to add up.
class NoAutocast {
 public:
  NoAutocast();
  ~NoAutocast();
  NoAutocast(const NoAutocast&) = delete;
  NoAutocast& operator=(const NoAutocast&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// In float32 what an Autocast rounded to less; anything else as it is.
at::Tensor widened(const at::Tensor& tensor);

}  // namespace lorae

namespace lorae {
template <>
inline constexpr std::array<std::string_view, 3> kNames<Precision> = {"float32", "bfloat16",
                                                                      "float16"};
}  // namespace lorae
