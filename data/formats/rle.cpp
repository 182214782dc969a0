#include "data/formats/rle.h"

#include <string>

namespace lorae::data {

std::optional<std::vector<std::int64_t>> rle_counts(std::string_view text) {
  std::vector<std::int64_t> counts;
  for (std::size_t at = 0; at < text.size();) {
    std::uint64_t bits = 0;
    unsigned shift = 0;
    bool more = true;
    while (more) {
      if (at == text.size() || shift > 55) {
        return std::nullopt;
      }
      const int c = static_cast<unsigned char>(text[at++]) - 48;
      if (c < 0 || c > 63) {
        return std::nullopt;
      }
      bits |= static_cast<std::uint64_t>(c & 0x1F) << shift;
      shift += 5;
      more = (c & 0x20) != 0;
      if (!more && (c & 0x10) != 0) {
        bits |= ~std::uint64_t{0} << shift;
      }
    }
    auto value = static_cast<std::int64_t>(bits);
    constexpr std::int64_t kMost = std::int64_t{1} << 40;
    if (value > kMost || value < -kMost) {
      return std::nullopt;
    }
    if (counts.size() > 2) {
      value += counts[counts.size() - 2];
    }
    if (value < 0 || value > kMost) {
      return std::nullopt;
    }
    counts.push_back(value);
  }
  return counts;
}

std::string rle_text(const std::vector<std::int64_t>& counts) {
  std::string text;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    std::int64_t value = i > 2 ? counts[i] - counts[i - 2] : counts[i];
    bool more = true;
    while (more) {
      const std::int64_t low = value & 0x1F;
      value >>= 5;
      more = (low & 0x10) != 0 ? value != -1 : value != 0;
      text += static_cast<char>((low | (more ? 0x20 : 0)) + 48);
    }
  }
  return text;
}

std::optional<Pixels> rle_pixels(const std::vector<std::int64_t>& counts,
                                 std::int64_t height,
                                 std::int64_t width) {
  constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;
  if (height < 1 || width < 1 || height > kMostPixels / width) {
    return std::nullopt;
  }
  std::int64_t sum = 0;
  for (const std::int64_t count : counts) {
    if (count < 0 || count > height * width - sum) {
      return std::nullopt;
    }
    sum += count;
  }
  if (sum != height * width) {
    return std::nullopt;
  }
  Pixels pixels{height, width, std::vector<std::uint8_t>(static_cast<std::size_t>(sum))};
  std::int64_t at = 0;
  bool on = false;
  for (const std::int64_t count : counts) {
    for (std::int64_t end = at + count; on && at < end; ++at) {
      pixels.values[static_cast<std::size_t>(at % height * width + at / height)] = 1;
    }
    at = on ? at : at + count;
    on = !on;
  }
  return pixels;
}

std::vector<std::int64_t> counts_of(const Pixels& pixels) {
  std::vector<std::int64_t> counts{0};
  bool on = false;
  for (std::int64_t x = 0; x < pixels.width; ++x) {
    for (std::int64_t y = 0; y < pixels.height; ++y) {
      if ((pixels.at(y, x) != 0) != on) {
        on = !on;
        counts.push_back(0);
      }
      ++counts.back();
    }
  }
  return counts;
}

}  // namespace lorae::data
