#pragma once

#include <string>
#include <utility>
#include <vector>

#include "report/page.h"
#include "report/run_record.h"

namespace lorae::report {

// Parts that pages of a run and of a comparison share.

using NamedRun = std::pair<std::string, const RunRecord*>;

/// Bytes of each layer after each stage of its chain, per client and round: bars for each run and
/// direction, and the ledger as a table. Beyond a readable number the smallest layers are summed.
Section layers_section(const std::vector<NamedRun>& runs);

/// Who holds which classes: bars, and a table. Empty if no client told.
Section classes_section(const RunRecord& run);

/// Who was asked, who reported, and what each sent and received.
Table clients_table(const RunRecord& run);

/// A logarithmic axis of bytes that can be switched.
Axis bytes_axis(std::string label);
Axis rounds_axis();
/// Of a metric by its name.
Axis metric_axis(const std::string& name);

}  // namespace lorae::report
