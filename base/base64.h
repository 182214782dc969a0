#pragma once

#include <string>

#include "base/bytes.h"

namespace lorae {

/// Source: RFC 4648, section 4, with padding.
std::string to_base64(ByteView bytes);

}  // namespace lorae
