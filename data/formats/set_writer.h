#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/named.h"
#include "data/formats/outline.h"
#include "data/halves.h"
#include "data/objects.h"

namespace lorae::data {

enum class SetFormat { kYolo, kVoc, kCoco, kMasks };

/// A picture to be written.
struct Written {
  std::string name;  ///< "000017.png"; no two pictures of a half have one name before the ending
  PictureSize size;
  std::vector<Object> objects = {};
  Pixels mask = {};  ///< as Sample::mask; empty: what the objects show, small ones on top
};

/// Writes a set in one format. What a format cannot say is left out: VOC and masks have no
/// outlines, masks no objects, YOLO has nothing that is ignored.
class SetWriter {
 public:
  virtual ~SetWriter() = default;

  /// Where the picture's file goes; writes its label, or keeps it for `finish`.
  virtual std::filesystem::path add(Split half, const Written& picture) = 0;
  /// Writes what tells of the set as a whole.
  virtual void finish() = 0;
};

/// `folder`: new or empty. Errors: kInvalidConfig if it holds something; kUnavailable if it cannot
/// be written.
std::unique_ptr<SetWriter> set_writer(SetFormat format,
                                      const std::filesystem::path& folder,
                                      const std::vector<std::string>& classes);

}  // namespace lorae::data

namespace lorae {
template <>
inline constexpr std::array<std::string_view, 4> kNames<data::SetFormat> = {"yolo", "voc", "coco",
                                                                            "masks"};
}  // namespace lorae
