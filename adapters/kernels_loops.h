#pragma once

#include "adapters/kernels.h"

namespace lorae::adapters::kernels {

/// The functions of kernels.h for one instruction set.
struct Loops {
  decltype(&product) multiply;
  decltype(&add_correlation) correlate;
  decltype(&silu) activate;
  decltype(&silu_gradient) gradient;
  decltype(&gather) pick;
  decltype(&add) sum;
};

// kernels_loops.cpp, compiled for each.
extern const Loops kGeneric, kAvx2, kAvx512;

}  // namespace lorae::adapters::kernels
