#pragma once

namespace lorae {

/// The most memory that this process has held so far. Units: MB of 2^20 bytes.
double peak_memory_mb();

}  // namespace lorae
