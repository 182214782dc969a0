#include "report/folders.h"

#include <algorithm>

#include "apps/common/output.h"
#include "apps/common/table.h"
#include "apps/lorae/commands.h"
#include "base/error.h"

namespace lorae::apps {

void write_reports(const std::vector<std::filesystem::path>& folders, std::filesystem::path out) {
  const auto is_simulation = [](const std::filesystem::path& folder) {
    return report::content_of(folder) == report::Content::kSimulation;
  };
  const bool simulations = std::ranges::all_of(folders, is_simulation);
  check(folders.size() == 1 || (simulations && !out.empty()), ErrorCode::kInvalidConfig,
        "[report] several folders: expected simulations alone, and --out for what joins them");
  namespace fs = std::filesystem;
  if (out.empty() || (folders.size() == 1 && fs::weakly_canonical(out / "") ==
                                                 fs::weakly_canonical(folders.front() / ""))) {
    out = folders.front();
  } else {
    expect_own_folder(out, report::kPageFile, "a report");
    for (const char* other : {"config.toml", "figures.json", "sweep.json"}) {
      check(!fs::exists(out / other), ErrorCode::kInvalidConfig, "[report] '", out.string(),
            "' holds a report of its own, that of a run, a training or a judgement; ",
            "choose another --out");
    }
  }
  if (simulations) {
    const report::ComparisonDetails details = report::read_simulations(folders);
    report::write_simulations(details, out);
    say("{}\n", report::comparison_table(details.comparison, output_columns()));
  } else {
    report::write_single_report(folders.front(), out);
  }
  say("report  {}\n", (out / "report.html").string());
}

}  // namespace lorae::apps
