#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace lorae::apps {

/// A number of the LoRAE paper's "Upd. Params (M)" columns.
struct PaperCell {
  std::int64_t rank = 0;        ///< printed beside it
  std::string_view millions;    ///< as printed
  std::int64_t rank_meant = 0;  ///< whose number it is; 0 if of none
  std::string_view table;       ///< "5", "6", "7"; "3" where that one disagrees
  std::string_view error;       ///< what it is instead, if of no rank
};

struct PaperModel {
  std::string_view name;  ///< in our registry
  std::int64_t classes = 0;
  std::string_view millions;  ///< the printed size of the whole model
  std::vector<PaperCell> cells;
};

/// Tables 5 to 7 of the paper, its YOLO rows.
/// Source: "LoRAE" (the paper), tables 3 and 5-7. Which rank a cell belongs to is our reading.
const std::vector<PaperModel>& paper_models();

}  // namespace lorae::apps
