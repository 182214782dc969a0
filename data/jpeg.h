#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace lorae::data {

/// True if it begins as a JPEG that decode_jpeg reads: grey or colour, not CMYK.
bool is_plain_jpeg(ByteView file);

/// The picture, turned upright as its EXIF data say.
/// Shape: uint8 [H, W, 3] RGB, or [H, W, 1] grey for `channels` 1.
/// Errors (returned): kCorruptData with the decoder's complaint, of data that it had to make up,
/// too; bytes that are superfluous are no error. Threads: any.
Result<at::Tensor> decode_jpeg(ByteView file, std::int64_t channels);

}  // namespace lorae::data
