#include "aggregation/cuda/sum.h"
#include "base/error.h"

namespace lorae::aggregation::cuda {
namespace {

constexpr const char* kWhy = "this build has no CUDA kernels; configure with -DLORAE_CUDA=ON";

[[noreturn]] void refuse() {
  fail(ErrorCode::kUnavailable, "[aggregation] ", kWhy);
}

}  // namespace

bool available() {
  return false;
}

const char* why_unavailable() {
  return kWhy;
}

void check_range_(const float* /*values*/,
                  std::uint64_t /*weight*/,
                  std::size_t /*count*/,
                  Refusal /*tag*/,
                  Refusal* /*refusal*/,
                  void* /*stream*/) {
  refuse();
}

void add_(std::uint64_t* /*high*/,
          std::uint64_t* /*low*/,
          const float* /*values*/,
          std::uint64_t /*weight*/,
          std::size_t /*count*/,
          const Refusal* /*refusal*/,
          void* /*stream*/) {
  refuse();
}

bool add_host(ExactSum& /*sum*/, const Contribution& /*contribution*/) {
  refuse();
}

}  // namespace lorae::aggregation::cuda
