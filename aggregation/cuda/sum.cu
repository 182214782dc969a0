// Raw pointers, sizes and a stream: no LibTorch here, so nvcc compiles it in seconds and any
// LibTorch links it.
#include <cuda_runtime.h>

#include <vector>

#include "aggregation/cuda/sum.h"
#include "aggregation/fixed_point.h"
#include "base/error.h"

namespace lorae::aggregation::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::size_t kMostBlocks = 65535;

__device__ std::size_t first_index() {
  return static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

__device__ std::size_t stride() {
  return static_cast<std::size_t>(gridDim.x) * blockDim.x;
}

__global__ void check_kernel(
    const float* values, std::uint32_t limit, std::size_t count, Refusal tag, Refusal* refusal) {
  for (std::size_t i = first_index(); i < count; i += stride()) {
    if ((__float_as_uint(values[i]) & 0x7fffffffU) > limit) {
      atomicCAS(refusal, 0, tag);
    }
  }
}

/// sum_loops.cpp's arithmetic; these intrinsics are never joined into a fused multiply-add.
__global__ void add_kernel(std::uint64_t* high,
                           std::uint64_t* low,
                           const float* values,
                           double scale,
                           std::size_t count,
                           const Refusal* refusal) {
  if (*refusal != 0) {
    return;
  }
  for (std::size_t i = first_index(); i < count; i += stride()) {
    const double x = __dmul_rn(static_cast<double>(values[i]), scale);
    const double rounded = __dadd_rn(x, kRoundHigh);
    const double rest = __dadd_rn(__dsub_rn(x, __dsub_rn(rounded, kRoundHigh)), kRoundLow);
    high[i] += static_cast<std::uint64_t>(__double_as_longlong(rounded)) - kRoundHighBits;
    low[i] += static_cast<std::uint64_t>(__double_as_longlong(rest)) - kRoundLowBits;
  }
}

void require(cudaError_t status, const char* what) {
  check(status == cudaSuccess, ErrorCode::kUnavailable, "[aggregation] ", what, ": ",
        cudaGetErrorString(status));
}

/// A copy of a host array in device memory, freed on every path.
template <typename T>
class OnDevice {
 public:
  OnDevice(const T* host, std::size_t count) : bytes_(count * sizeof(T)) {
    require(cudaMalloc(&data_, bytes_), "cudaMalloc");
    const cudaError_t status = cudaMemcpy(data_, host, bytes_, cudaMemcpyHostToDevice);
    if (status != cudaSuccess) {
      cudaFree(data_);  // no destructor runs
      require(status, "copy");
    }
  }
  ~OnDevice() { cudaFree(data_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

  T* get() const { return static_cast<T*>(data_); }
  void read(T* host) const {
    require(cudaMemcpy(host, data_, bytes_, cudaMemcpyDeviceToHost), "copy");
  }

 private:
  std::size_t bytes_;
  void* data_ = nullptr;
};

cudaError_t device_status() {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  return status == cudaSuccess && devices == 0 ? cudaErrorNoDevice : status;
}

unsigned blocks_for(std::size_t count) {
  const std::size_t wanted = (count + kThreads - 1) / kThreads;
  return static_cast<unsigned>(wanted < kMostBlocks ? wanted : kMostBlocks);
}

}  // namespace

bool available() {
  return device_status() == cudaSuccess;
}

const char* why_unavailable() {
  return cudaGetErrorString(device_status());
}

void check_range_(const float* values,
                  std::uint64_t weight,
                  std::size_t count,
                  Refusal tag,
                  Refusal* refusal,
                  void* stream) {
  if (count == 0) {
    return;
  }
  check_kernel<<<blocks_for(count), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
      values, limit_of(weight), count, tag, refusal);
  require(cudaGetLastError(), "check kernel");
}

void add_(std::uint64_t* high,
          std::uint64_t* low,
          const float* values,
          std::uint64_t weight,
          std::size_t count,
          const Refusal* refusal,
          void* stream) {
  if (count == 0) {
    return;
  }
  add_kernel<<<blocks_for(count), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
      high, low, values, scale_of(weight), count, refusal);
  require(cudaGetLastError(), "add kernel");
}

bool add_host(ExactSum& sum, const Contribution& contribution) {
  const std::size_t size = sum.size();
  std::vector<std::uint64_t> high(size), low(size);
  check(contribution.values.size() == size && contribution.weight > 0 &&
            contribution.weight <= kMaxWeight,
        ErrorCode::kInvalidArgument, "[exact_sum] expected ", size,
        " numbers and a weight of 1 to 2^40");
  if (size > 0) {
    Refusal refused = 0;
    const OnDevice<Refusal> refusal(&refused, 1);
    const OnDevice<std::uint64_t> device_high(high.data(), size), device_low(low.data(), size);
    const OnDevice<float> values(contribution.values.data(), size);
    check_range_(values.get(), contribution.weight, size, 1, refusal.get(), nullptr);
    add_(device_high.get(), device_low.get(), values.get(), contribution.weight, size,
         refusal.get(), nullptr);
    refusal.read(&refused);
    if (refused != 0) {
      return false;
    }
    device_high.read(high.data());
    device_low.read(low.data());
  }
  sum.merge(Planes{high, low, contribution.weight, 1});
  return true;
}

}  // namespace lorae::aggregation::cuda
