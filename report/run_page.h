#pragma once

#include "report/folder_config.h"
#include "report/page.h"
#include "report/run_record.h"

namespace lorae::report {

/// One run of a coordinator: what it reached, what it cost, who took part.
Page run_page(const FolderConfig& config, const RunRecord& run);

}  // namespace lorae::report
