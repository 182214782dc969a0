#pragma once

#include "report/page.h"
#include "report/sweep.h"

namespace lorae::report {

/// The tables of a sweep, the paper's numbers beside ours; the time of each rank; and what the
/// paper's figures 3 to 5 show: metric and loss by epoch, metric by updated parameters.
/// Errors: kCorruptData for a results.csv that is none.
Page sweep_page(const Sweep& sweep);

}  // namespace lorae::report
