#include "adapters/kernels.h"

#include "adapters/kernels_loops.h"

namespace lorae::adapters::kernels {
namespace {

struct Choice {
  const Loops& loops;
  std::string_view name;
};

Choice best() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    return {kAvx512, "avx512f"};
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return {kAvx2, "avx2"};
  }
#endif
  return {kGeneric, "generic"};
}

const Choice& chosen() {
  static const Choice choice = best();
  return choice;
}

}  // namespace

void product(Rows rows,
             const float* weights,
             std::size_t filters,
             std::size_t positions,
             const float* start,
             float* out) {
  chosen().loops.multiply(rows, weights, filters, positions, start, out);
}

void add_correlation(const float* a,
                     std::size_t filters,
                     Rows rows,
                     std::size_t positions,
                     float* sums,
                     std::size_t stride) {
  chosen().loops.correlate(a, filters, rows, positions, sums, stride);
}

void silu(const float* z, float* y, std::size_t count) {
  chosen().loops.activate(z, y, count);
}

void silu_gradient(const float* z, const float* dy, float* dz, std::size_t count) {
  chosen().loops.gradient(z, dy, dz, count);
}

void gather(const float* in, std::size_t stride, float* out, std::size_t count) {
  chosen().loops.pick(in, stride, out, count);
}

void add(const float* term, float* sum, std::size_t count) {
  chosen().loops.sum(term, sum, count);
}

std::string_view instruction_set() {
  return chosen().name;
}

}  // namespace lorae::adapters::kernels
