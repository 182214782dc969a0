#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"

// What a judgement of a model looks like, as plain numbers: tasks measure them, a training keeps
// them, pages draw them.
namespace lorae {

/// What was measured of one class.
struct ClassResult {
  std::int64_t label = 0;
  std::int64_t images = 0;  ///< that show it; of detectors: objects
  Metrics metrics = {};
};

/// Lines of one class, or of the mean over classes. Their values stand at places that go evenly
/// from 0 to 1, at overlap 0.5.
struct JudgedLines {
  std::int64_t label = 0;                                    ///< of the mean: -1
  std::vector<double> precision_over_recall = {};            ///< made to fall
  std::vector<double> precision = {}, recall = {}, f1 = {};  ///< over confidence
};

struct JudgedCurves {
  std::string shape = {};  ///< what was compared: "boxes", "masks"
  double confidence = 0;   ///< where the mean F1, smoothed, is largest
  JudgedLines mean = {};
  std::vector<JudgedLines> classes = {};  ///< that pictures show, by label
};

/// What was taken for what.
struct Confusion {
  struct Pair {
    std::int64_t found = 0, truth = 0, count = 0;

    bool operator==(const Pair&) const = default;
  };

  std::string counted = {};  ///< "pictures", "objects", "pixels"
  std::int64_t classes = 0;  ///< `classes` itself stands for the background, if there is one
  bool background = false;
  double confidence = 0, overlap = 0;  ///< of objects: those that count are over both
  std::vector<Pair> pairs = {};        ///< that happened, by found and truth

  std::int64_t side() const { return classes + (background ? 1 : 0); }
};

struct Figures {
  std::vector<std::string> classes = {};  ///< names of the labels; may be empty
  Metrics metrics = {};
  std::vector<ClassResult> by_class = {};
  std::vector<JudgedCurves> curves = {};  ///< of detectors
  std::optional<Confusion> confusion = {};
};

/// Its number, where a class has no name.
std::string class_name(const std::vector<std::string>& names, std::int64_t label);

/// As JSON: the fields under their names; metrics as [name, value], pairs as [found, truth, count],
/// what is not finite as null. Curves have four decimals.
std::string to_text(const Figures& figures);

/// Ignores keys that it does not know. Errors: kCorruptData.
Result<Figures> parse_figures(std::string_view text);

/// In the folder of what was judged: figures, and a sheet of pictures with what was said of them.
inline constexpr const char* kFiguresFile = "figures.json";
inline constexpr const char* kSheetFile = "predictions.jpg";

/// "figures-000012.json" of kFiguresFile and 12: of one of several global models in a folder.
std::string of_round(std::string_view file, std::uint64_t round);

}  // namespace lorae
