#include "ops/loops/kernels.h"

#include "base/cpu.h"
#include "ops/loops/kernels_loops.h"

namespace lorae::ops::kernels {
namespace {

struct Choice {
  const Loops& loops;
  const WinogradLoops& winograd;
};

Choice choice_for(Cpu cpu) {
  switch (cpu) {
#if defined(__x86_64__)
    case Cpu::kAvx512:
      return {kAvx512, kAvx512Winograd};
    case Cpu::kAvx2:
      return {kAvx2, kAvx2Winograd};
#endif
    default:
      return {kGeneric, kGenericWinograd};
  }
}

const Choice& chosen() {
  static const Choice choice = choice_for(chosen_cpu());
  return choice;
}

}  // namespace

void product(
    Rows rows, const float* weights, std::size_t filters, std::size_t positions, Sums sums) {
  chosen().loops.multiply(rows, weights, filters, positions, sums);
}

void product(
    Dense rows, const float* weights, std::size_t filters, std::size_t positions, Sums sums) {
  chosen().loops.multiply_dense(rows, weights, filters, positions, sums);
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

void winograd_input(WinogradInput input) {
  chosen().winograd.input(input);
}

void winograd_output(const float* in,
                     std::size_t stride,
                     float bias,
                     float* out,
                     std::size_t height,
                     std::size_t width) {
  chosen().winograd.output(in, stride, bias, out, height, width);
}

void winograd_filters(
    const float* filters, std::size_t pitch, bool flipped, float* out, std::size_t stride) {
  chosen().winograd.filters(filters, pitch, flipped, out, stride);
}

}  // namespace lorae::ops::kernels
