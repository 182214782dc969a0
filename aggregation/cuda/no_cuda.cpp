#include "aggregation/kernels.h"
#include "base/error.h"

namespace lorae::aggregation::cuda {
namespace {

constexpr const char* kWhy = "this build has no CUDA kernels; configure with -DLORAE_CUDA=ON";

}  // namespace

bool available() {
  return false;
}

const char* why_unavailable() {
  return kWhy;
}

void accumulate_(double* /*sum*/,
                 const float* /*delta*/,
                 double /*weight*/,
                 std::int64_t /*count*/,
                 void* /*stream*/) {
  fail(ErrorCode::kUnavailable, "[aggregation] ", kWhy);
}

void accumulate_host_(double* /*sum*/,
                      const float* /*delta*/,
                      double /*weight*/,
                      std::int64_t /*count*/) {
  fail(ErrorCode::kUnavailable, "[aggregation] ", kWhy);
}

}  // namespace lorae::aggregation::cuda
