#pragma once

#include <filesystem>

#include "experiment/run_config.h"
#include "report/comparison.h"
#include "report/report.h"

namespace lorae::simulation {

/// What the journal of one run says about it, for comparison.json.
/// Errors: kInvalidConfig if the run directory is missing.
report::ComparisonRun comparison_run(const experiment::RunConfig& config,
                                     const experiment::MethodConfig& method,
                                     std::uint64_t seed,
                                     const std::filesystem::path& directory);

/// The same run's curves and layers, for the report.
report::ReportRun report_run(const experiment::MethodConfig& method,
                             std::uint64_t seed,
                             const std::filesystem::path& directory);

/// Who holds which classes in that run, for the report.
void add_clients(const std::filesystem::path& directory, report::Report& report);

}  // namespace lorae::simulation
