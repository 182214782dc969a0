#pragma once

#include <cstddef>
#include <cstdint>

#include "aggregation/exact_sum.h"

/// The additions of ExactSum on a GPU, bit for bit. All pointers are to memory of the current
/// device; `stream` is a cudaStream_t, nullptr the default one; calls return before the work is
/// done. Errors: kUnavailable without CUDA or if a launch fails.
namespace lorae::aggregation::cuda {

/// True if this build has CUDA kernels and this machine a device that runs them.
bool available();

/// Why `available()` is false: for messages and skipped tests.
const char* why_unavailable();

/// What refuses an update: 0, or the tag of the first `check_range_` that failed. The caller sets
/// it to 0 first and copies it to the host at the end.
using Refusal = std::int32_t;

/// Sets *refusal to `tag`, unless it is set, if ExactSum would refuse these values.
/// Precondition: tag is not 0; 0 < weight <= kMaxWeight.
void check_range_(const float* values,
                  std::uint64_t weight,
                  std::size_t count,
                  Refusal tag,
                  Refusal* refusal,
                  void* stream);

/// Adds weight * values[i] to the planes, but nothing if *refusal is set: so an update of many
/// tensors is checked and added without waiting for the device in between.
void add_(std::uint64_t* high,
          std::uint64_t* low,
          const float* values,
          std::uint64_t weight,
          std::size_t count,
          const Refusal* refusal,
          void* stream);

/// ExactSum::add by the kernels above, on copies: for tests, and for machines where updates are in
/// host memory. Errors: those of ExactSum::add and of the kernels.
[[nodiscard]] bool add_host(ExactSum& sum, const Contribution& contribution);

}  // namespace lorae::aggregation::cuda
