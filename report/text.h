#pragma once

#include <cstdint>
#include <string>

#include "report/comparison.h"

namespace lorae::report {

/// Numbers as people read them; "-" for what is not finite. For tables and pictures of this room.

/// "87.3": a fraction in percent.
std::string percent_text(double fraction);

/// "87.3" for one seed, "87.3 +- 0.4" for several: half the distance from the lowest to the
/// highest. `sign` is what stands for "plus or minus".
std::string accuracy_text(const ComparisonSummary& summary, const std::string& sign);

/// "-0.4", "+1.2": a difference of fractions, in points of a percent.
std::string points_text(double difference);

/// "41.3", "412".
std::string times_text(double ratio);

/// "11,173,962".
std::string count_text(std::int64_t count);

/// "26.8 kB".
std::string bytes_text(double bytes);

/// "87 %", "87.5 %": for the ticks of an axis.
std::string tick_percent_text(double fraction);

/// "500 kB", "1 MB": likewise.
std::string tick_bytes_text(double bytes);

/// `value` with `digits` decimals.
std::string fixed_text(double value, int digits);

}  // namespace lorae::report
