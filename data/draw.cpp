#include "data/draw.h"

#include <algorithm>
#include <array>
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

namespace {

/// Twelve that are told apart on dark and bright grounds. RGB.
std::array<std::uint8_t, 3> colour_of(std::int64_t label) {
  static constexpr std::array<std::array<std::uint8_t, 3>, 12> kColours = {{{255, 99, 71},
                                                                            {30, 144, 255},
                                                                            {50, 205, 50},
                                                                            {255, 215, 0},
                                                                            {218, 112, 214},
                                                                            {0, 206, 209},
                                                                            {255, 140, 0},
                                                                            {154, 205, 50},
                                                                            {255, 105, 180},
                                                                            {100, 149, 237},
                                                                            {240, 230, 140},
                                                                            {205, 92, 92}}};
  return kColours.at(static_cast<std::size_t>(label) % kColours.size());
}

cv::Scalar scalar(std::int64_t label) {
  constexpr int kNobody = 160;
  if (label < 0) {
    return cv::Scalar::all(kNobody);
  }
  const auto [red, green, blue] = colour_of(label);
  return {static_cast<double>(red), static_cast<double>(green), static_cast<double>(blue)};
}

void tint(cv::Mat& picture, const at::Tensor& mask, const cv::Scalar& colour) {
  constexpr double kOpacity = 0.45;
  const at::Tensor where = mask.to(torch::kUInt8).unsqueeze(2).contiguous();
  cv::Mat tinted(picture.size(), picture.type(), colour);
  cv::addWeighted(tinted, kOpacity, picture, 1 - kOpacity, 0, tinted);
  tinted.copyTo(picture, mat_of(where));
}

constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;

/// Letters on a bar of the colour. `at`: its bottom left corner, where there is room.
void write(cv::Mat& picture, const Mark& mark, cv::Point at, double scale) {
  int below = 0;
  const cv::Size size = cv::getTextSize(ascii(mark.text), kFont, scale, 1, &below);
  const int bar = size.height + below + 1;
  at.y = std::max(at.y, bar);
  at.x = std::clamp(at.x, 0, std::max(0, picture.cols - size.width - 2));
  cv::rectangle(picture, {at.x, at.y - bar}, {at.x + size.width + 2, at.y}, scalar(mark.label),
                cv::FILLED);
  cv::putText(picture, ascii(mark.text), {at.x + 1, at.y - below}, kFont, scale, cv::Scalar::all(0),
              1, cv::LINE_AA);
}

void frame(cv::Mat& picture, const Mark& mark, int thickness) {
  const cv::Point low(cvRound(mark.box.x1), cvRound(mark.box.y1));
  const cv::Point high(cvRound(mark.box.x2), cvRound(mark.box.y2));
  cv::rectangle(picture, low, high, scalar(mark.label), thickness, cv::LINE_AA);
}

}  // namespace

at::Tensor marked(const at::Tensor& picture, const std::vector<Mark>& marks) {
  const at::Tensor all = picture.expand({-1, -1, 3}).contiguous().clone();
  cv::Mat pixels = mat_of(all);
  constexpr double kLine = 600, kSmallest = 0.35, kLetters = 0.22;  // pixels of a side; of letters
  const int thickness = 1 + cvRound((pixels.rows + pixels.cols) / (2 * kLine));
  const double scale = std::max(kSmallest, kLetters * thickness);
  for (auto mark = marks.rbegin(); mark != marks.rend(); ++mark) {
    if (mark->mask.defined()) {
      tint(pixels, mark->mask, scalar(mark->label));
    }
  }
  for (auto mark = marks.rbegin(); mark != marks.rend(); ++mark) {
    if (mark->box.area() > 0) {
      frame(pixels, *mark, thickness);
    }
  }
  int line = 0;
  for (auto mark = marks.rbegin(); mark != marks.rend(); ++mark) {
    if (!mark->text.empty()) {
      const cv::Point corner(0, cvRound(40 * scale) * ++line);
      write(pixels, *mark,
            mark->box.area() > 0 ? cv::Point(cvRound(mark->box.x1), cvRound(mark->box.y1)) : corner,
            scale);
    }
  }
  return all;
}

void write_picture(const std::filesystem::path& path, const at::Tensor& picture, int quality) {
  cv::Mat pixels = mat_of(picture);
  if (picture.size(2) == 3) {
    cv::Mat blue_first;
    cv::cvtColor(pixels, blue_first, cv::COLOR_RGB2BGR);
    pixels = blue_first;
  }
  std::vector<unsigned char> encoded;
  bool done = false;
  try {
    done = cv::imencode(path.extension().string(), pixels, encoded,
                        {cv::IMWRITE_JPEG_QUALITY, quality});
  } catch (const cv::Exception&) {
    done = false;  // no encoder for that ending
  }
  check(done, ErrorCode::kInvalidConfig, "[data] cannot write a picture as '", path.string(),
        "': expected .png, .jpg or the like");
  write_file_atomic(path, std::as_bytes(std::span(encoded)));
}

}  // namespace lorae::data
