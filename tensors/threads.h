#pragma once

#include <cstdint>

namespace lorae {

/// Makes LibTorch and its BLAS compute on the calling thread alone. Call it first in each thread
/// that trains or evaluates: many clients side by side use the cores better than one client on
/// several, and one thread sums in one order, so results repeat bit for bit.
void use_one_thread();

/// The same for LibTorch's own loops, not for BLAS, which has one setting for the whole process:
/// for threads that only move pixels beside one that trains.
void keep_to_this_thread();

/// Makes LibTorch and its BLAS compute on so many threads; 0: one for each core. For programs that
/// train one model. Sums may be split in another way then, so the last bits depend on the number.
void use_threads(std::int64_t count);

}  // namespace lorae
