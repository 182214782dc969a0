#pragma once

#include <string>
#include <vector>

#include "report/comparison.h"
#include "report/page.h"
#include "report/run_record.h"

namespace lorae::report {

/// A comparison with the journals behind it.
struct ComparisonDetails {
  Comparison comparison;
  std::vector<RunRecord> records;  ///< of `comparison.runs`, in their order
  std::vector<std::string> notes;  ///< lines below the title
  std::string config;              ///< TOML
};

/// What was compared, in numbers, by round, by bytes and by layer.
Page comparison_page(const ComparisonDetails& details);

}  // namespace lorae::report
