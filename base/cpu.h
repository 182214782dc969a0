#pragma once

#include <cstdint>

#include <string_view>

namespace lorae {

/// The instruction sets that our own loops are compiled for, the narrowest first.
enum class Cpu { kAny, kAvx2, kAvx512 };

/// "any", "avx2", "avx512".
std::string_view name_of(Cpu cpu);

/// What this processor has.
Cpu best_cpu();

/// What `wanted` names; `best` if it is empty.
/// Errors: kInvalidConfig for another word, or for more than `best` has.
Cpu cpu_named(std::string_view wanted, Cpu best);

/// What our loops use in this process: the best, or what the environment's LORAE_CPU names. Sums
/// round differently with each, so one machine can stand for several in tests.
/// Errors: as cpu_named.
Cpu chosen_cpu();

/// The processor cores of this machine; 1 if it does not say.
std::int64_t core_count();

}  // namespace lorae
