#include "data/raster.h"

#include <algorithm>
#include <numeric>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "data/mat.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

cv::Point pixel_at(const Point& point, PictureSize size) {
  return {static_cast<int>(point.x * static_cast<double>(size.width)),
          static_cast<int>(point.y * static_cast<double>(size.height))};
}

/// The outline as whole pixels. Rounding down its corners alone would shift its sides by up to a
/// pixel, so it is rounded at kPoints places, evenly spread over its sides, and at the corners.
std::vector<cv::Point> pixels_of(const Polygon& polygon, PictureSize size) {
  constexpr std::size_t kPoints = 1000;
  const std::size_t sides = polygon.size();
  std::vector<cv::Point> points;
  points.reserve(kPoints);
  const std::size_t spread = sides + 2 < kPoints ? kPoints - sides - 1 : 0;  // 2 at least
  std::size_t next = 0;                                                      // of the spread points
  for (std::size_t side = 0; side < sides; ++side) {
    const Point& from = polygon[side];
    const Point& to = polygon[(side + 1) % sides];
    points.push_back(pixel_at(from, size));
    for (; next < spread; ++next) {
      const double at = static_cast<double>(next * sides) / static_cast<double>(spread - 1) -
                        static_cast<double>(side);
      if (at > 1) {
        break;
      }
      points.push_back(
          pixel_at({.x = from.x + at * (to.x - from.x), .y = from.y + at * (to.y - from.y)}, size));
    }
  }
  return points;
}

std::vector<Polygon> outline_of(const Object& object) {
  if (!object.polygons.empty()) {
    return object.polygons;
  }
  const Box& b = object.box;
  return {{{b.x1, b.y1}, {b.x2, b.y1}, {b.x2, b.y2}, {b.x1, b.y2}}};
}

void fill(cv::Mat& map, const Object& object, PictureSize size, int value) {
  for (const Polygon& polygon : outline_of(object)) {
    // Part by part: all at once, fillPoly would leave out what two of them share.
    cv::fillPoly(map, std::vector{pixels_of(polygon, size)}, cv::Scalar(value));
  }
}

cv::Mat blank(PictureSize size) {
  return cv::Mat::zeros(static_cast<int>(size.height), static_cast<int>(size.width), CV_8U);
}

at::Tensor empty_map(PictureSize size) {
  return torch::zeros({size.height, size.width, 1}, torch::kUInt8);
}

}  // namespace

at::Tensor outline_map(const std::vector<Object>& objects, PictureSize size) {
  const at::Tensor map = empty_map(size);
  cv::Mat pixels = mat_of(map);
  for (const Object& object : objects) {
    fill(pixels, object, size, 1);
  }
  return map.squeeze(2);
}

at::Tensor instance_map(std::vector<Object>& objects, PictureSize size, std::int64_t ratio) {
  const cv::Size small(static_cast<int>(size.width / ratio), static_cast<int>(size.height / ratio));
  std::vector<cv::Mat> masks;
  std::vector<int> areas;
  for (const Object& object : objects) {
    cv::Mat map = blank(size);
    fill(map, object, size, 1);
    cv::Mat mask;
    cv::resize(map, mask, small, 0, 0, cv::INTER_LINEAR);
    areas.push_back(cv::countNonZero(mask));
    masks.push_back(std::move(mask));
  }
  std::vector<std::size_t> order(objects.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return areas[i]; });
  const at::Tensor map = torch::zeros({small.height, small.width}, torch::kShort);
  cv::Mat pixels(small, CV_16S, map.data_ptr<std::int16_t>());
  std::vector<Object> sorted;
  for (const std::size_t i : order) {
    sorted.push_back(std::move(objects[i]));
    pixels.setTo(cv::Scalar(static_cast<double>(sorted.size())), masks[i]);
  }
  objects = std::move(sorted);
  return map;
}

at::Tensor class_map(const std::vector<Object>& objects, PictureSize size) {
  std::vector<const Object*> order;
  for (const Object& object : objects) {
    order.push_back(&object);
  }
  std::ranges::stable_sort(order, std::greater{},
                           [](const Object* object) { return object->box.area(); });
  const at::Tensor map = empty_map(size);
  cv::Mat pixels = mat_of(map);
  for (const Object* object : order) {
    fill(pixels, *object, size, object->ignored ? kVoid : static_cast<int>(object->label) + 1);
  }
  return map.squeeze(2);
}

std::vector<Polygon> contours(const at::Tensor& map) {
  const at::Tensor pixels = map.unsqueeze(2).contiguous();
  std::vector<std::vector<cv::Point>> found;
  cv::findContours(mat_of(pixels), found, cv::RETR_EXTERNAL, cv::CHAIN_APPROX_SIMPLE);
  std::vector<Polygon> polygons;
  for (const auto& points : found) {
    Polygon polygon;
    for (const cv::Point& point : points) {
      polygon.push_back({static_cast<double>(point.x), static_cast<double>(point.y)});
    }
    polygons.push_back(std::move(polygon));
  }
  return polygons;
}

}  // namespace lorae::data
