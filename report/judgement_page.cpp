#include "report/judgement_page.h"

#include "base/figures.h"
#include "report/figure_sections.h"
#include "report/text.h"

namespace lorae::report {

Page judgement_page(const std::filesystem::path& folder,
                    const std::string& title,
                    const std::vector<std::string>& notes) {
  Page page{.title = title, .notes = notes, .sections = judged_sections(folder, "")};
  for (const auto& [name, value] : read_figures(folder / kFiguresFile).metrics) {
    page.cards.push_back({unit_of_metric(name) == Unit::kPercent ? with_percent(percent_text(value))
                                                                 : fixed_text(value, 3),
                          name});
  }
  return page;
}

}  // namespace lorae::report
