#include "data/draw.h"

#include <algorithm>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "data/mat.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

std::string ascii(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace

at::Tensor captioned(const at::Tensor& picture, const std::vector<std::string>& lines) {
  constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
  const auto height = static_cast<int>(picture.size(0)), width = static_cast<int>(picture.size(1));
  int widest = 1, tallest = 1, below = 0;
  for (const std::string& line : lines) {
    const cv::Size size = cv::getTextSize(ascii(line), kFont, 1, 1, &below);
    widest = std::max(widest, size.width);
    tallest = std::max(tallest, size.height + below);
  }
  const double scale = std::clamp(0.96 * width / widest, 0.3, std::max(0.3, width / 900.0));
  const int step = std::max(8, static_cast<int>(1.3 * scale * tallest));
  const int bar = step * static_cast<int>(lines.size()) + step / 4;
  const at::Tensor all = torch::full({height + bar, width, 3}, 255, torch::kUInt8);
  all.narrow(0, bar, height).copy_(picture);  // grey becomes RGB by repetition
  cv::Mat mat = mat_of(all);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    cv::putText(mat, ascii(lines[i]), {step / 4, step * static_cast<int>(i + 1) - step / 6}, kFont,
                scale, cv::Scalar::all(0), 1, cv::LINE_AA);
  }
  return all;
}

void write_picture(const std::filesystem::path& path, const at::Tensor& picture) {
  cv::Mat pixels = mat_of(picture);
  if (picture.size(2) == 3) {
    cv::Mat blue_first;
    cv::cvtColor(pixels, blue_first, cv::COLOR_RGB2BGR);
    pixels = blue_first;
  }
  std::vector<unsigned char> encoded;
  bool done = false;
  try {
    done = cv::imencode(path.extension().string(), pixels, encoded);
  } catch (const cv::Exception&) {
    done = false;  // no encoder for that ending
  }
  check(done, ErrorCode::kInvalidConfig, "[data] cannot write a picture as '", path.string(),
        "': expected .png, .jpg or the like");
  write_file_atomic(path, std::as_bytes(std::span(encoded)));
}

}  // namespace lorae::data
