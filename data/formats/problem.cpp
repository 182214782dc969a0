#include "data/formats/problem.h"

#include "base/error.h"

namespace lorae::data {
namespace {

constexpr std::string_view kWithoutIt = "the object is left out";
constexpr std::string_view kNoPicture =
    "refused; with data.damaged = \"skip\" the picture is left out";
constexpr std::string_view kNoSet = "the set is refused";

constexpr auto kUsed = Weight::kUsed;
constexpr auto kObject = Weight::kObject;
constexpr auto kPicture = Weight::kPicture;
constexpr auto kSet = Weight::kSet;

constexpr std::array kRows = {
    FlawRow{Flaw::kPictureMissing, "picture-missing", kPicture, kNoPicture},
    FlawRow{Flaw::kPictureUnreadable, "picture-unreadable", kPicture, kNoPicture},
    FlawRow{Flaw::kPictureEmpty, "picture-empty", kPicture, kNoPicture},
    FlawRow{Flaw::kPictureDamaged, "picture-damaged", kPicture, kNoPicture},
    FlawRow{Flaw::kPictureTiny, "picture-tiny", kPicture, kNoPicture},
    FlawRow{Flaw::kPictureCmyk, "picture-cmyk", kUsed, "turned into RGB"},
    FlawRow{Flaw::kPictureSixteenBits, "picture-16-bit", kUsed,
            "its range is spread over 8 bits: 12 bits if no value needs more, else 16"},
    FlawRow{Flaw::kPictureTurned, "picture-turned", kUsed,
            "stood upright as its EXIF data say, and labels in pixels of the lying picture too"},
    FlawRow{Flaw::kPictureOfNoKnownEnding, "picture-ending", kUsed, "the file is not read"},
    FlawRow{Flaw::kPictureTwice, "picture-twice", kUsed, "seen twice in each epoch"},
    FlawRow{Flaw::kPictureInBothHalves, "picture-in-both-halves", kUsed,
            "measured on what was trained: metrics are too good"},
    FlawRow{Flaw::kPictureUnlabelled, "picture-unlabelled", kUsed, "background: it shows nothing"},
    FlawRow{Flaw::kLabelWithoutPicture, "label-without-picture", kUsed, "the label is not used"},
    FlawRow{Flaw::kLabelUnreadable, "label-unreadable", kPicture, kNoPicture},
    FlawRow{Flaw::kLabelEncoding, "label-encoding", kPicture, kNoPicture},
    FlawRow{Flaw::kRowFields, "row-fields", kPicture, kNoPicture},
    FlawRow{Flaw::kRowNumber, "row-number", kPicture, kNoPicture},
    FlawRow{Flaw::kRowNotFinite, "row-not-finite", kPicture, kNoPicture},
    FlawRow{Flaw::kRowTwice, "row-twice", kObject, "used once"},
    FlawRow{Flaw::kRowsMixed, "rows-mixed", kUsed, "boxes and polygons are both used"},
    FlawRow{Flaw::kClassOutOfRange, "class-out-of-range", kPicture, kNoPicture},
    FlawRow{Flaw::kClassFraction, "class-fraction", kPicture, kNoPicture},
    FlawRow{Flaw::kClassUnknown, "class-unknown", kPicture, kNoPicture},
    FlawRow{Flaw::kBoxOutside, "box-outside", kObject, kWithoutIt},
    FlawRow{Flaw::kBoxClipped, "box-clipped", kUsed, "clipped to the picture"},
    FlawRow{Flaw::kBoxNegative, "box-negative", kPicture, kNoPicture},
    FlawRow{Flaw::kBoxEmpty, "box-empty", kObject, kWithoutIt},
    FlawRow{Flaw::kBoxInPixels, "box-in-pixels", kPicture, kNoPicture},
    FlawRow{Flaw::kBoxMissing, "box-missing", kPicture, kNoPicture},
    FlawRow{Flaw::kPolygonShort, "polygon-short", kPicture, kNoPicture},
    FlawRow{Flaw::kPolygonOdd, "polygon-odd", kPicture, kNoPicture},
    FlawRow{Flaw::kPolygonFlat, "polygon-flat", kObject, kWithoutIt},
    FlawRow{Flaw::kXmlBroken, "xml-broken", kPicture, kNoPicture},
    FlawRow{Flaw::kSizeMissing, "size-missing", kUsed, "taken from the picture"},
    FlawRow{Flaw::kSizeDiffers, "size-differs", kPicture, kNoPicture},
    FlawRow{Flaw::kJsonBroken, "json-broken", kSet, kNoSet},
    FlawRow{Flaw::kJsonField, "json-field", kSet, kNoSet},
    FlawRow{Flaw::kIdTwice, "id-twice", kSet, kNoSet},
    FlawRow{Flaw::kIdUnknown, "id-unknown", kObject, kWithoutIt},
    FlawRow{Flaw::kRleBroken, "rle-broken", kPicture, kNoPicture},
    FlawRow{Flaw::kMaskMissing, "mask-missing", kPicture, kNoPicture},
    FlawRow{Flaw::kMaskSize, "mask-size", kPicture, kNoPicture},
    FlawRow{Flaw::kMaskValue, "mask-value", kPicture, kNoPicture},
    FlawRow{Flaw::kCsvColumns, "csv-columns", kSet, kNoSet},
    FlawRow{Flaw::kCsvBox, "csv-box", kPicture, kNoPicture},
    FlawRow{Flaw::kYamlBroken, "yaml-broken", kSet, kNoSet},
    FlawRow{Flaw::kYamlNames, "yaml-names", kSet, kNoSet},
    FlawRow{Flaw::kListLine, "list-line", kPicture, kNoPicture},
    FlawRow{Flaw::kPathOutside, "path-outside", kSet, kNoSet},
    FlawRow{Flaw::kSetEmpty, "set-empty", kSet, kNoSet},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].flaw) != i) {
      return false;
    }
  }
  return kRows.size() == static_cast<std::size_t>(Flaw::kSetEmpty) + 1;
}
static_assert(in_order());

}  // namespace

const FlawRow& row_of(Flaw flaw) {
  return kRows.at(static_cast<std::size_t>(flaw));
}

std::vector<FlawRow> all_flaws() {
  return {kRows.begin(), kRows.end()};
}

std::string problem_text(const Problem& problem) {
  std::string text = "'" + problem.file.string() + "':";
  if (problem.line > 0) {
    text += str(problem.line, ":");
  }
  return text + " " + problem.what;
}

void refuse(const Problem& problem) {
  const bool skippable = row_of(problem.flaw).weight == Weight::kPicture;
  throw BadData(str("[data] ", problem_text(problem),
                    skippable ? "; repair it, or leave such pictures out with data.damaged = "
                                "\"skip\""
                              : ""),
                problem);
}

}  // namespace lorae::data
