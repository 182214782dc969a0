#pragma once

#include <string_view>

namespace lorae::report {

// Where a page's title and its JSON go in its source, in this order.
inline constexpr std::string_view kTitleMark = "@TITLE@";
inline constexpr std::string_view kDataMark = "@DATA@";

/// The files of report/page/ and the chart library in one HTML text, made by page/embed.cmake when
/// the program was built.
std::string_view page_source();

}  // namespace lorae::report
