#pragma once

#include <string>
#include <vector>

#include "report/comparison.h"
#include "report/page.h"

namespace lorae::report {

/// What a metric is drawn over: rounds, or what all clients had sent, or sent and received.
enum class Over { kRounds, kUplink, kBothWays };

/// All metrics of all rounds, the main ones first.
std::vector<std::string> metric_names(const Comparison& comparison);

/// A line for each run name: the mean over its seeds, with the lowest and the highest.
Chart curve_chart(const Comparison& comparison, const std::string& metric, Over over);

/// What is not a main metric, by round.
Section other_curves_section(const Comparison& comparison);

/// A row for each run and round.
Table rounds_table(const Comparison& comparison);

}  // namespace lorae::report
