#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "report/page.h"

namespace lorae::report {

/// A model that was judged: its metrics and the sections of `folder`'s figures and sheet.
/// Errors: kInvalidConfig if there are no figures; kCorruptData if they are none.
Page judgement_page(const std::filesystem::path& folder,
                    const std::string& title,
                    const std::vector<std::string>& notes);

}  // namespace lorae::report
