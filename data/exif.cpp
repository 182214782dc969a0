#include "data/exif.h"

namespace lorae::data {
namespace {

unsigned byte_at(ByteView file, std::size_t i) {
  return std::to_integer<unsigned>(file[i]);
}

}  // namespace

unsigned exif_orientation(ByteView tiff) {
  if (tiff.size() < 8) {
    return 1;
  }
  const bool little = byte_at(tiff, 0) == 'I';
  const auto number = [&](std::size_t at, std::size_t size) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < size && at + size <= tiff.size(); ++i) {
      value = value << 8U | byte_at(tiff, little ? at + size - 1 - i : at + i);
    }
    return value;
  };
  constexpr std::size_t kEntry = 12, kOrientation = 0x0112;
  const std::size_t directory = number(4, 4);
  for (std::size_t i = 0; i < number(directory, 2); ++i) {
    const std::size_t entry = directory + 2 + i * kEntry;
    if (entry + kEntry > tiff.size()) {
      break;
    }
    if (number(entry, 2) == kOrientation) {
      const auto value = static_cast<unsigned>(number(entry + 8, 2));
      return value >= 1 && value <= 8 ? value : 1;
    }
  }
  return 1;
}

}  // namespace lorae::data
