#pragma once

#include <cstdint>
#include <optional>
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
  /// Tables 2 to 4, where they print another number; of rank 0: the whole model's.
  std::vector<PaperCell> elsewhere = {};
};

/// Tables 5 to 7 of the paper, its YOLO rows.
/// Source: "LoRAE" (the paper), tables 3 and 5-7. Which rank a cell belongs to is our reading.
const std::vector<PaperModel>& paper_models();

/// A model of the paper whose updated parameters follow from no rule.
struct OtherModel {
  std::string_view label;     ///< the paper's
  std::string_view millions;  ///< its size in the paper
  std::string_view name;      ///< ours
  std::int64_t classes;
  std::string_view counted;  ///< what of it the paper's size counts
  std::string_view reason;   ///< why its updated parameters cannot be reproduced
  std::vector<PaperCell> cells;
  std::vector<PaperCell> elsewhere = {};  ///< as PaperModel's
};
const std::vector<OtherModel>& paper_others();

/// A cell of the "Upd. Params (M)" columns, and for how many classes it was printed.
struct PaperPrint {
  PaperCell cell;
  std::int64_t classes = 0;
  bool has_rule = true;
};

/// What tables "2" to "7" print for our model of that name; rank 0: the whole model.
std::optional<PaperPrint> paper_print(std::string_view table,
                                      std::string_view model,
                                      std::int64_t rank);

}  // namespace lorae::apps
