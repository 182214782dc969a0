#pragma once

#include <filesystem>

#include "base/bytes.h"
#include "base/result.h"
#include "data/objects.h"

namespace lorae::data {

/// What the first bytes of a picture file say.
struct PictureHead {
  PictureSize size;          ///< upright; 0 x 0 where only decoding tells (TIFF, JPEG 2000)
  unsigned orientation = 1;  ///< as exif_orientation
  bool cmyk = false;
  bool sixteen_bits = false;

  /// As the file keeps it, lying on its side or not.
  PictureSize stored() const {
    return orientation >= 5 ? PictureSize{.height = size.width, .width = size.height} : size;
  }
};

/// Reads some kilobytes at most, whatever the file's size: JPEG, PNG, BMP, WebP and PNM tell.
/// Errors (returned), saying why and not naming the file: kUnavailable if it cannot be opened;
/// kCorruptData if it ends in its head, is no picture, or has more pixels than read_picture takes.
/// Threads: any.
Result<PictureHead> read_picture_head(const std::filesystem::path& path);

/// Where a place in the picture as the file keeps it comes to lie when it stands upright.
Point upright(Point stored, unsigned orientation);

/// The head in these bytes: all of a file, or its beginning. Errors: as read_picture_head.
Result<PictureHead> picture_head_of(ByteView file);

}  // namespace lorae::data
