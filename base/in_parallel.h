#pragma once

#include <cstdint>
#include <functional>

namespace lorae {

/// Calls work(i) for all i in [0, n), each once, in any order, on as many threads as there are
/// cores, at most 8, fewer if no more can be had; `begin` first on each of them.
/// Errors: those of the lowest i that throws, after all have been called; std::system_error if not
/// one thread can be had, before anything is called.
void in_parallel(std::int64_t n,
                 const std::function<void(std::int64_t)>& work,
                 const std::function<void()>& begin = {});

}  // namespace lorae
