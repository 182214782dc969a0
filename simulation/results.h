#pragma once

#include <filesystem>

#include "experiment/run_config.h"
#include "report/comparison.h"
#include "report/report.h"

namespace lorae::simulation {

/// What the journal of one finished run says about it, for comparison.json.
/// Errors: kInvalidConfig if the run directory is missing.
report::ComparisonRun comparison_run(const experiment::RunConfig& config,
                                     const training::MethodOptions& method,
                                     std::uint64_t seed,
                                     const std::filesystem::path& directory);

/// The same run's curves and layers, for the report.
report::ReportRun report_run(const training::MethodOptions& method,
                             std::uint64_t seed,
                             const std::filesystem::path& directory);

}  // namespace lorae::simulation
