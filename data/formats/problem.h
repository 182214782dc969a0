#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace lorae::data {

/// What can be wrong with a set on a disk. docs/bad_data.md has a row for each.
enum class Flaw {
  kPictureMissing,
  kPictureUnreadable,
  kPictureEmpty,
  kPictureDamaged,
  kPictureTiny,
  kPictureCmyk,
  kPictureSixteenBits,
  kPictureTurned,
  kPictureOfNoKnownEnding,
  kPictureTwice,
  kPictureInBothHalves,
  kPictureUnlabelled,
  kLabelWithoutPicture,
  kLabelUnreadable,
  kLabelEncoding,
  kRowFields,
  kRowNumber,
  kRowNotFinite,
  kRowTwice,
  kRowsMixed,
  kClassOutOfRange,
  kClassFraction,
  kClassUnknown,
  kBoxOutside,
  kBoxClipped,
  kBoxNegative,
  kBoxEmpty,
  kBoxInPixels,
  kBoxMissing,
  kPolygonShort,
  kPolygonOdd,
  kPolygonFlat,
  kXmlBroken,
  kSizeMissing,
  kSizeDiffers,
  kJsonBroken,
  kJsonField,
  kIdTwice,
  kIdUnknown,
  kRleBroken,
  kMaskMissing,
  kMaskSize,
  kMaskValue,
  kCsvColumns,
  kCsvBox,
  kYamlBroken,
  kYamlNames,
  kListLine,
  kPathOutside,
  kSetEmpty,
};

/// What becomes of the data.
enum class Weight {
  kUsed,     ///< used all the same
  kObject,   ///< the object is left out, with a warning
  kPicture,  ///< refused, or with data.damaged = "skip" the picture is left out with a warning
  kSet,      ///< the set is refused
};

struct FlawRow {
  Flaw flaw;
  std::string_view name;
  Weight weight;
  std::string_view effect;  ///< what training does with it
};

const FlawRow& row_of(Flaw flaw);
std::vector<FlawRow> all_flaws();

/// Something that is wrong, and where.
struct Problem {
  Flaw flaw{};
  std::filesystem::path file;
  std::int64_t line = 0;  ///< from 1; 0: of the file as a whole
  std::string what;       ///< "class 12: expected one in [0, 10)"

  bool operator==(const Problem&) const = default;
};

/// "'labels/a.txt':3: class 12: expected one in [0, 10)".
std::string problem_text(const Problem& problem);

/// A set, or a picture of it, that is not read for one of these.
class BadData : public Error {
 public:
  BadData(const std::string& message, Problem problem)
      : Error(ErrorCode::kCorruptData, message), problem_(std::move(problem)) {}

  const Problem& problem() const { return problem_; }

 private:
  Problem problem_;
};

/// Errors: always, BadData: "[data] " and its text, with what to do about it.
[[noreturn]] void refuse(const Problem& problem);

}  // namespace lorae::data
