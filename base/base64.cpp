#include "base/base64.h"

#include <algorithm>

namespace lorae {

std::string to_base64(ByteView bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr unsigned kSix = 63;
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    unsigned three = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      three = (three << 8U) | (j < count ? std::to_integer<unsigned>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += j <= count ? kDigits[(three >> (18U - 6U * static_cast<unsigned>(j))) & kSix] : '=';
    }
  }
  return text;
}

}  // namespace lorae
