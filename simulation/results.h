#pragma once

#include <filesystem>

#include "coordinator/run_config.h"
#include "runs/comparison.h"
#include "runs/report.h"

namespace lorae::simulation {

/// What the journal of one finished run says about it, for comparison.json.
/// Errors: kInvalidConfig if the run directory is missing.
runs::ComparisonRun comparison_run(const coordinator::RunConfig& config,
                                   const training::MethodOptions& method,
                                   std::uint64_t seed,
                                   const std::filesystem::path& directory);

/// The same run's curves and layers, for the report.
runs::ReportRun report_run(const training::MethodOptions& method,
                           std::uint64_t seed,
                           const std::filesystem::path& directory);

}  // namespace lorae::simulation
