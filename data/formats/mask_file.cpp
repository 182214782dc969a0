#include "data/formats/mask_file.h"

#include <array>
#include <map>
#include <opencv2/imgcodecs.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "data/formats/problem.h"
#include "data/objects.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

unsigned byte_at(ByteView bytes, std::size_t i) {
  return std::to_integer<unsigned>(bytes[i]);
}

/// The place of each colour in a PNG's palette, the first of two; empty if it has none.
std::map<std::uint32_t, std::uint8_t> palette_of(ByteView png) {
  std::map<std::uint32_t, std::uint8_t> places;
  for (std::size_t at = 8; at + 12 <= png.size();) {
    const std::size_t size = byte_at(png, at) << 24U | byte_at(png, at + 1) << 16U |
                             byte_at(png, at + 2) << 8U | byte_at(png, at + 3);
    const std::string_view name = text_of(png.subspan(at + 4, 4));
    if (name == "IDAT" || size > png.size() - at - 12) {
      break;
    }
    for (std::size_t i = 0; name == "PLTE" && i + 3 <= size && i < 3UL * 256; i += 3) {
      const ByteView rgb = png.subspan(at + 8 + i, 3);
      places.emplace(byte_at(rgb, 0) << 16U | byte_at(rgb, 1) << 8U | byte_at(rgb, 2),
                     static_cast<std::uint8_t>(i / 3));
    }
    at += 12 + size;
  }
  return places;
}

/// Values as the file has them; why not, if it has none.
std::string values_of(const Bytes& file, at::Tensor& to) {
  cv::Mat decoded;
  try {
    const cv::Mat bytes(1, static_cast<int>(file.size()), CV_8UC1,
                        const_cast<std::byte*>(file.data()));  // imdecode only reads
    decoded = cv::imdecode(bytes, cv::IMREAD_UNCHANGED);
  } catch (const cv::Exception&) {
    return "cannot decode the mask";
  }
  if (decoded.empty()) {
    return "cannot decode the mask";
  }
  if (decoded.depth() != CV_8U) {
    return "expected 8 bits for each pixel, got 16";
  }
  const auto places =
      decoded.channels() == 1 ? std::map<std::uint32_t, std::uint8_t>{} : palette_of(file);
  if (decoded.channels() != 1 && places.empty()) {
    return "expected grey values or a palette, got colours";
  }
  to = torch::empty({decoded.rows, decoded.cols}, torch::kUInt8);
  auto* out = to.data_ptr<std::uint8_t>();
  const auto channels = static_cast<std::size_t>(decoded.channels());
  for (int y = 0; y < decoded.rows; ++y) {
    const auto* row = decoded.ptr<std::uint8_t>(y);
    for (int x = 0; x < decoded.cols; ++x, row += channels) {
      if (channels == 1) {
        *out++ = *row;
        continue;
      }
      const auto place =
          places.find(std::uint32_t{row[2]} << 16U | std::uint32_t{row[1]} << 8U | row[0]);
      if (place == places.end()) {
        return "it has colours that its palette has not";
      }
      *out++ = place->second;
    }
  }
  return {};
}

std::array<std::int64_t, 256> pixels_of_values(const at::Tensor& mask) {
  std::array<std::int64_t, 256> counts{};
  const auto* values = mask.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < mask.numel(); ++i) {
    ++counts.at(values[i]);
  }
  return counts;
}

}  // namespace

at::Tensor read_mask(const std::filesystem::path& path, std::int64_t classes) {
  at::Tensor mask;
  std::string why;
  try {
    why = values_of(read_file(path), mask);
  } catch (const Error& error) {
    why = error.what();
  }
  if (!why.empty()) {
    refuse({Flaw::kMaskValue, path, 0, why});
  }
  const auto counts = pixels_of_values(mask);
  if (classes == 1 && counts[1] == 0 && counts[kVoid] > 0) {
    mask.masked_fill_(mask == kVoid, 1);
  }
  for (std::int64_t value = classes + 1; value < kVoid; ++value) {
    if (counts.at(static_cast<std::size_t>(value)) > 0) {
      refuse({Flaw::kMaskValue, path, 0,
              str("value ", value, ": expected at most ", classes,
                  ", the number of classes, or 255 for what is not counted; name the classes in "
                  "classes.txt")});
    }
  }
  return mask;
}

std::int64_t main_class(const at::Tensor& mask, std::int64_t classes) {
  const auto counts = pixels_of_values(mask);
  std::int64_t most = -1, pixels = 0;
  for (std::int64_t label = 0; label < classes; ++label) {
    const std::int64_t own = counts.at(static_cast<std::size_t>(label) + 1);
    if (own > pixels) {
      pixels = own;
      most = label;
    }
  }
  return most;
}

}  // namespace lorae::data
