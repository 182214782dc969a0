#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/comparison.h"

namespace lorae::report {

/// Numbers as people read them; "-" for what is not finite, which is also what was not measured.
/// For tables and pages of this room.

/// "87.3": a fraction in percent.
std::string percent_text(double fraction);

/// "87.3 %" of "87.3"; "-" stays.
std::string with_percent(const std::string& text);

/// What stands for "plus or minus": where only ASCII lines up, and elsewhere.
constexpr const char* kPlainSign = "+-";
constexpr const char* kSign = "\u00b1";
constexpr const char* kTimes = "\u00d7";

/// "87.3" for one seed, "87.3 +- 0.4" for several: half the distance from the lowest to the
/// highest.
std::string metric_text(const ComparisonSummary& summary, const std::string& sign);

/// "-0.4", "+1.2": a difference of fractions, in points of a percent.
std::string points_text(double difference);

/// "-0.4" for one seed, "-0.4 +- 0.2" for several: with the standard error of the mean.
std::string difference_text(const Ratio& ratio, const std::string& sign);

/// What heads numbers of these main metrics: "top1" of one, "main metric" of several, "metric" of
/// none.
std::string metric_heading(const std::vector<std::string>& main_metrics);

/// "41.3", "412".
std::string times_text(double ratio);

/// "11,173,962".
std::string count_text(std::int64_t count);

/// "26.8 kB".
std::string bytes_text(double bytes);

/// "130 kB (344x)": a summary's bytes and how many times less they are than the baseline's, which
/// stand alone. `times` is what stands for "times".
std::string compared_text(const ComparisonSummary& summary,
                          double bytes,
                          double ratio,
                          const std::string& times);

/// "87 %", "87.5 %": where room is short.
std::string tick_percent_text(double fraction);

/// `value` with `digits` decimals.
std::string fixed_text(double value, int digits);

}  // namespace lorae::report
