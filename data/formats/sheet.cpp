#include "data/formats/sheet.h"

#include <algorithm>
#include <array>
#include <opencv2/imgproc.hpp>

#include "data/mat.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

/// Colours that are told apart on dark and bright grounds.
cv::Scalar colour_of(std::int64_t label) {
  static const std::array<cv::Scalar, 12> kColours = {
      cv::Scalar{255, 99, 71}, {30, 144, 255},  {50, 205, 50},   {255, 215, 0},
      {218, 112, 214},         {0, 206, 209},   {255, 140, 0},   {154, 205, 50},
      {255, 105, 180},         {100, 149, 237}, {240, 230, 140}, {205, 92, 92}};
  return kColours.at(static_cast<std::size_t>(label) % kColours.size());
}

cv::Point place(const Point& point, const cv::Mat& cell) {
  return {static_cast<int>(std::lround(point.x * cell.cols)),
          static_cast<int>(std::lround(point.y * cell.rows))};
}

void write_name(cv::Mat& cell, std::string name, cv::Point at, const cv::Scalar& colour) {
  std::ranges::replace_if(
      name, [](char c) { return c < ' ' || c > '~'; }, '?');
  int below = 0;
  const cv::Size size = cv::getTextSize(name, cv::FONT_HERSHEY_SIMPLEX, 0.4, 1, &below);
  at.y = std::max(at.y, size.height + 3);
  at.x = std::max(0, std::min(at.x, cell.cols - size.width - 2));
  cv::rectangle(cell, {at.x, at.y - size.height - 3}, {at.x + size.width + 2, at.y + 1}, colour,
                cv::FILLED);
  cv::putText(cell, name, {at.x + 1, at.y - 1}, cv::FONT_HERSHEY_SIMPLEX, 0.4, cv::Scalar::all(0),
              1, cv::LINE_AA);
}

void draw_object(cv::Mat& cell, const Object& object, const std::string& name) {
  const cv::Scalar colour = object.ignored ? cv::Scalar::all(160) : colour_of(object.label);
  cv::Mat shaded = cell.clone();
  std::vector<std::vector<cv::Point>> outlines;
  for (const Polygon& polygon : object.polygons) {
    auto& outline = outlines.emplace_back();
    for (const Point& point : polygon) {
      outline.push_back(place(point, cell));
    }
  }
  if (!outlines.empty()) {
    cv::fillPoly(shaded, outlines, colour);
    cv::addWeighted(shaded, 0.35, cell, 0.65, 0, cell);
    cv::polylines(cell, outlines, true, colour, 1, cv::LINE_AA);
  }
  const cv::Point corner = place({object.box.x1, object.box.y1}, cell);
  cv::rectangle(cell, corner, place({object.box.x2, object.box.y2}, cell), colour, 1, cv::LINE_AA);
  write_name(cell, name, corner, colour);
}

void draw_mask(cv::Mat& cell, const at::Tensor& mask, const std::vector<std::string>& names) {
  const at::Tensor values = mask.unsqueeze(2).contiguous();
  cv::Mat fitted;
  cv::resize(mat_of(values), fitted, cell.size(), 0, 0, cv::INTER_NEAREST);
  int line = 0;
  for (std::size_t k = 0; k < names.size(); ++k) {
    const cv::Mat own = fitted == static_cast<double>(k + 1);
    if (cv::countNonZero(own) > 0) {
      const cv::Scalar colour = colour_of(static_cast<std::int64_t>(k));
      const cv::Mat plain(cell.size(), cell.type(), colour);
      cv::Mat mixed;
      cv::addWeighted(plain, 0.5, cell, 0.5, 0, mixed);
      mixed.copyTo(cell, own);
      write_name(cell, names[k], {2, 14 + 14 * line++}, colour);
    }
  }
}

}  // namespace

at::Tensor sheet_of(const Dataset& set,
                    const std::vector<std::int64_t>& indices,
                    std::int64_t columns,
                    std::int64_t side) {
  constexpr std::int64_t kGap = 4;
  columns = std::clamp<std::int64_t>(columns, 1, std::max<std::int64_t>(std::ssize(indices), 1));
  const std::int64_t rows = (std::ssize(indices) + columns - 1) / columns;
  const std::int64_t step = side + kGap;
  const at::Tensor sheet =
      torch::full({rows * step + kGap, columns * step + kGap, 3}, 255, torch::kUInt8);
  cv::Mat all = mat_of(sheet);
  for (std::int64_t i = 0; i < std::ssize(indices); ++i) {
    const Sample sample = set.get(indices[static_cast<std::size_t>(i)]);
    cv::Mat picture = mat_of(sample.image);
    if (picture.channels() == 1) {
      cv::cvtColor(picture, picture, cv::COLOR_GRAY2RGB);
    }
    const double scale = static_cast<double>(side) / std::max(picture.cols, picture.rows);
    cv::Mat cell;
    cv::resize(picture, cell,
               {std::max(1, static_cast<int>(picture.cols * scale)),
                std::max(1, static_cast<int>(picture.rows * scale))},
               0, 0, scale < 1 ? cv::INTER_AREA : cv::INTER_LINEAR);
    if (sample.mask.defined()) {
      draw_mask(cell, sample.mask, set.classes());
    }
    for (const Object& object : sample.objects) {
      draw_object(cell, object, set.classes().at(static_cast<std::size_t>(object.label)));
    }
    if (set.annotation() == Annotation::kClass) {
      write_name(cell, set.classes().at(static_cast<std::size_t>(sample.label)), {2, 14},
                 colour_of(sample.label));
    }
    const auto left = static_cast<int>(kGap + i % columns * step + (side - cell.cols) / 2);
    const auto top = static_cast<int>(kGap + i / columns * step + (side - cell.rows) / 2);
    cell.copyTo(all(cv::Rect(left, top, cell.cols, cell.rows)));
  }
  return sheet;
}

}  // namespace lorae::data
