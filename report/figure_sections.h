#pragma once

#include <filesystem>
#include <vector>

#include "base/figures.h"
#include "base/ids.h"
#include "report/page.h"

namespace lorae::report {

/// What was judged, as sections of a page: by class, curves of each shape, confusion. Those without
/// anything to show have no charts and tables.
std::vector<Section> figure_sections(const Figures& figures);

/// Errors: kInvalidConfig if the file cannot be read; kCorruptData if it holds no figures.
Figures read_figures(const std::filesystem::path& file);

/// The rounds whose global models `folder` has figures of, in order.
std::vector<RoundId> judged_rounds(const std::filesystem::path& folder);

/// The sheets of predictions of those rounds, one below the other.
Section sheets_section(const std::filesystem::path& folder);

/// The confusion of at most this many classes is a matrix; of any number, its largest mistakes are
/// a table.
inline constexpr std::int64_t kMostInMatrix = 24;
/// Lines of so many classes are drawn beside their mean.
inline constexpr std::size_t kMostLines = 20;

/// Figures and sheet of predictions that lie in a folder, in this order; nothing of what is not
/// there. `about` stands below the first title.
/// Errors: kCorruptData for figures that are none.
std::vector<Section> judged_sections(const std::filesystem::path& folder, const std::string& about);

}  // namespace lorae::report
