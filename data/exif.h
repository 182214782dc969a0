#pragma once

#include "base/bytes.h"

namespace lorae::data {

/// How a picture was kept: 1 upright, 2 to 8 mirrored or turned, from 5 on lying on its side. The
/// orientation in the TIFF structure of EXIF data; 1 if it does not say.
/// Source: EXIF 2.32, sections 4.5 and 4.6.
unsigned exif_orientation(ByteView tiff);

}  // namespace lorae::data
