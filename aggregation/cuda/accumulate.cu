// Raw pointers, sizes and a stream: no LibTorch here, so nvcc compiles it in seconds and any
// LibTorch links it.
#include <cuda_runtime.h>

#include "aggregation/kernels.h"
#include "base/error.h"

namespace lorae::aggregation::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = 65535;

__global__ void accumulate_kernel(double* sum,
                                  const float* delta,
                                  double weight,
                                  std::int64_t count) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += stride) {
    sum[i] = fma(weight, static_cast<double>(delta[i]), sum[i]);
  }
}

void require(cudaError_t status, const char* what) {
  check(status == cudaSuccess, ErrorCode::kUnavailable, "[aggregation] ", what, ": ",
        cudaGetErrorString(status));
}

/// Device memory that is freed on every path.
class DeviceBuffer {
 public:
  explicit DeviceBuffer(std::size_t bytes) { require(cudaMalloc(&data_, bytes), "cudaMalloc"); }
  ~DeviceBuffer() { cudaFree(data_); }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  void* get() const { return data_; }

 private:
  void* data_ = nullptr;
};

cudaError_t device_status() {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  return status == cudaSuccess && devices == 0 ? cudaErrorNoDevice : status;
}

}  // namespace

bool available() {
  return device_status() == cudaSuccess;
}

const char* why_unavailable() {
  return cudaGetErrorString(device_status());
}

void accumulate_(double* sum, const float* delta, double weight, std::int64_t count, void* stream) {
  if (count == 0) {
    return;
  }
  const std::int64_t wanted = (count + kThreads - 1) / kThreads;
  const auto blocks = static_cast<unsigned>(wanted < kMostBlocks ? wanted : kMostBlocks);
  accumulate_kernel<<<blocks, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(sum, delta, weight,
                                                                                count);
  require(cudaGetLastError(), "accumulate kernel");
}

void accumulate_host_(double* sum, const float* delta, double weight, std::int64_t count) {
  const auto size = static_cast<std::size_t>(count);
  const DeviceBuffer device_sum(size * sizeof(double));
  const DeviceBuffer device_delta(size * sizeof(float));
  require(cudaMemcpy(device_sum.get(), sum, size * sizeof(double), cudaMemcpyHostToDevice), "copy");
  require(cudaMemcpy(device_delta.get(), delta, size * sizeof(float), cudaMemcpyHostToDevice),
          "copy");
  accumulate_(static_cast<double*>(device_sum.get()), static_cast<const float*>(device_delta.get()),
              weight, count, nullptr);
  require(cudaMemcpy(sum, device_sum.get(), size * sizeof(double), cudaMemcpyDeviceToHost), "copy");
}

}  // namespace lorae::aggregation::cuda
