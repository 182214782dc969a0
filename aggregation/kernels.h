#pragma once

#include <cstdint>

namespace lorae::aggregation {

/// sum[i] += weight * delta[i] for i in [0, count), in double. Pointers are to host memory.
void accumulate_(double* sum, const float* delta, double weight, std::int64_t count);

namespace cuda {

/// True if this build has CUDA kernels and this machine a device that runs them.
bool available();

/// Why `available()` is false: for messages and skipped tests.
const char* why_unavailable();

/// The same as accumulate_ on the GPU; bit for bit, because each element is one fused
/// multiply-add in double on both sides. Pointers are to device memory; `stream` is a
/// cudaStream_t.
/// Errors: kUnavailable without CUDA or if the launch fails.
void accumulate_(double* sum, const float* delta, double weight, std::int64_t count, void* stream);

/// Runs the kernel on copies of host arrays: for tests and for machines where the updates are in
/// host memory. Errors: as accumulate_.
void accumulate_host_(double* sum, const float* delta, double weight, std::int64_t count);

}  // namespace cuda
}  // namespace lorae::aggregation
