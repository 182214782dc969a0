#pragma once

#include "ops/loops/kernels.h"

namespace lorae::ops::kernels {

/// The functions of kernels.h for one instruction set.
struct Loops {
  void (*multiply)(Rows, const float*, std::size_t, std::size_t, Sums);
  void (*multiply_dense)(Dense, const float*, std::size_t, std::size_t, Sums);
  decltype(&add_correlation) correlate;
  decltype(&silu) activate;
  decltype(&silu_gradient) gradient;
  decltype(&gather) pick;
};

struct WinogradLoops {
  decltype(&winograd_input) input;
  decltype(&winograd_output) output;
  decltype(&winograd_filters) filters;
};

// kernels_loops.cpp and winograd_loops.cpp, compiled for each.
extern const Loops kGeneric, kAvx2, kAvx512;
extern const WinogradLoops kGenericWinograd, kAvx2Winograd, kAvx512Winograd;
// As kAvx512, without its instructions; in tests alone.
extern const Loops kWide;
extern const WinogradLoops kWideWinograd;

}  // namespace lorae::ops::kernels
