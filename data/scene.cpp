#include "data/scene.h"

#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "data/mat.h"
#include "data/raster.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

/// A mask as an image of one channel.
at::Tensor planar(const at::Tensor& mask) {
  return mask.unsqueeze(2).contiguous();
}

at::Tensor filled(PictureSize size, std::int64_t channels, int value) {
  return torch::full({size.height, size.width, channels}, value, torch::kUInt8);
}

at::Tensor resized(const at::Tensor& image, PictureSize size, int interpolation) {
  if (image.size(0) == size.height && image.size(1) == size.width) {
    return image;
  }
  at::Tensor out = torch::empty({size.height, size.width, image.size(2)}, torch::kUInt8);
  cv::Mat to = mat_of(out);
  cv::resize(mat_of(image), to, to.size(), 0, 0, interpolation);
  return out;
}

at::Tensor placed(const at::Tensor& image, PictureSize frame, int left, int top, int value) {
  if (image.size(0) == frame.height && image.size(1) == frame.width) {
    return image;
  }
  at::Tensor out = filled(frame, image.size(2), value);
  out.narrow(0, top, image.size(0)).narrow(1, left, image.size(1)).copy_(image);
  return out;
}

bool shows(const Object& object) {
  return object.box.width() > 0 && object.box.height() > 0;
}

struct Tile {
  std::int64_t x1 = 0, y1 = 0, x2 = 0, y2 = 0;  // on the canvas
  std::int64_t left = 0, top = 0;               // of the scene, relative to the canvas
};

/// Where tile `corner` of a mosaic lies: bit 0 right of the point, bit 1 below it.
Tile tile_at(std::size_t corner, PictureSize size, PictureSize canvas, Point point) {
  const auto x = static_cast<std::int64_t>(point.x), y = static_cast<std::int64_t>(point.y);
  const bool right = (corner & 1) != 0, below = (corner & 2) != 0;
  const std::int64_t left = right ? x : x - size.width;
  const std::int64_t top = below ? y : y - size.height;
  return {.x1 = std::max<std::int64_t>(left, 0),
          .y1 = std::max<std::int64_t>(top, 0),
          .x2 = std::min(left + size.width, canvas.width),
          .y2 = std::min(top + size.height, canvas.height),
          .left = left,
          .top = top};
}

void copy_tile(const at::Tensor& from, const Tile& tile, const at::Tensor& canvas) {
  const auto part = [&](const at::Tensor& whole, std::int64_t left, std::int64_t top) {
    return whole.narrow(0, tile.y1 - top, tile.y2 - tile.y1)
        .narrow(1, tile.x1 - left, tile.x2 - tile.x1);
  };
  part(canvas, 0, 0).copy_(part(from, tile.left, tile.top));
}

cv::Scalar grey() {
  return cv::Scalar::all(kGrey);
}

at::Tensor warped_pixels(const at::Tensor& image,
                         const std::array<double, 6>& matrix,
                         PictureSize frame,
                         int interpolation,
                         const cv::Scalar& border) {
  at::Tensor out = torch::empty({frame.height, frame.width, image.size(2)}, torch::kUInt8);
  cv::Mat to = mat_of(out);
  const cv::Mat m(2, 3, CV_64F, const_cast<double*>(matrix.data()));
  cv::warpAffine(mat_of(image), to, m, to.size(), interpolation, cv::BORDER_CONSTANT, border);
  return out;
}

/// The object through the matrix, in fractions of the frame, not cut.
Object through(Object object,
               const std::array<double, 6>& m,
               PictureSize canvas,
               PictureSize frame) {
  const auto width = static_cast<double>(canvas.width), height = static_cast<double>(canvas.height);
  const auto change = [&](Point p) -> Point {
    const double x = p.x * width, y = p.y * height;
    return {.x = (m[0] * x + m[1] * y + m[2]) / static_cast<double>(frame.width),
            .y = (m[3] * x + m[4] * y + m[5]) / static_cast<double>(frame.height)};
  };
  for (Polygon& polygon : object.polygons) {
    std::ranges::transform(polygon, polygon.begin(), change);
  }
  if (object.polygons.empty()) {
    const Box& b = object.box;
    object.box = extent(
        {{change({b.x1, b.y1}), change({b.x2, b.y1}), change({b.x2, b.y2}), change({b.x1, b.y2})}});
  } else {
    object.box = extent(object.polygons);
  }
  return object;
}

/// Whether enough of an object is left to be learned: sides in pixels.
bool enough_left(double width, double height, double area_before, bool outlined) {
  constexpr double kLeastSide = 2, kLeastPart = 0.1, kLeastOutline = 0.01, kLongest = 100;
  constexpr double kTiny = 1e-16;
  return width > kLeastSide && height > kLeastSide &&
         width * height / (area_before + kTiny) > (outlined ? kLeastOutline : kLeastPart) &&
         std::max(width / height, height / width) < kLongest;
}

Object mirrored(Object object, bool vertically) {
  return vertically ? moved(std::move(object), 1, -1, 0, 1) : moved(std::move(object), -1, 1, 1, 0);
}

Object with_ordered_box(Object object) {
  if (object.box.x1 > object.box.x2) {
    std::swap(object.box.x1, object.box.x2);
  }
  if (object.box.y1 > object.box.y2) {
    std::swap(object.box.y1, object.box.y2);
  }
  return object;
}

/// Which part of `under` a box on top of it hides.
double hidden(const Box& under, const Box& on_top) {
  const Box common{.x1 = std::max(under.x1, on_top.x1),
                   .y1 = std::max(under.y1, on_top.y1),
                   .x2 = std::min(under.x2, on_top.x2),
                   .y2 = std::min(under.y2, on_top.y2)};
  const double both =
      std::max(common.width(), 0.0) * std::max(common.height(), 0.0);  // area() of no box is not 0
  return under.area() > 0 ? both / under.area() : 0;
}

}  // namespace

Scene scaled_to_side(const Scene& scene, std::int64_t side) {
  const PictureSize size = scene.size();
  const double ratio =
      static_cast<double>(side) / static_cast<double>(std::max(size.height, size.width));
  if (ratio == 1) {
    return scene;
  }
  const auto scaled = [&](std::int64_t length) {
    return std::clamp<std::int64_t>(
        static_cast<std::int64_t>(std::ceil(static_cast<double>(length) * ratio)), 1, side);
  };
  const PictureSize to{scaled(size.height), scaled(size.width)};
  Scene result{resized(scene.image, to, cv::INTER_LINEAR), scene.objects};
  if (scene.mask.defined()) {
    result.mask = resized(planar(scene.mask), to, cv::INTER_NEAREST).squeeze(2);
  }
  return result;
}

Scene letterboxed(const Scene& scene, PictureSize frame, bool enlarge, Placement* where) {
  const PictureSize size = scene.size();
  const auto whole = [](double value) { return static_cast<std::int64_t>(std::nearbyint(value)); };
  double ratio = std::min(static_cast<double>(frame.height) / static_cast<double>(size.height),
                          static_cast<double>(frame.width) / static_cast<double>(size.width));
  if (!enlarge) {
    ratio = std::min(ratio, 1.0);
  }
  const PictureSize inner{
      std::max<std::int64_t>(whole(static_cast<double>(size.height) * ratio), 1),
      std::max<std::int64_t>(whole(static_cast<double>(size.width) * ratio), 1)};
  constexpr double kHalfGoesDown = 0.1;
  const auto before = [&](std::int64_t outer, std::int64_t length) {
    return static_cast<int>(whole(static_cast<double>(outer - length) / 2 - kHalfGoesDown));
  };
  const int left = before(frame.width, inner.width), top = before(frame.height, inner.height);
  Scene result{placed(resized(scene.image, inner, cv::INTER_LINEAR), frame, left, top, kGrey), {}};
  if (scene.mask.defined()) {
    result.mask =
        placed(resized(planar(scene.mask), inner, cv::INTER_NEAREST), frame, left, top, kVoid)
            .squeeze(2);
  }
  const auto part = [](double length, std::int64_t of) { return length / static_cast<double>(of); };
  for (const Object& object : scene.objects) {
    result.objects.push_back(moved(object, part(static_cast<double>(inner.width), frame.width),
                                   part(static_cast<double>(inner.height), frame.height),
                                   part(left, frame.width), part(top, frame.height)));
  }
  if (where != nullptr) {
    *where = {.picture = size,
              .scale_x = part(static_cast<double>(inner.width), size.width),
              .scale_y = part(static_cast<double>(inner.height), size.height),
              .left = static_cast<double>(left),
              .top = static_cast<double>(top)};
  }
  return result;
}

Scene mosaic(const std::array<Scene, 4>& tiles, PictureSize tile, std::int64_t x, std::int64_t y) {
  const PictureSize canvas{2 * tile.height, 2 * tile.width};
  Scene result{filled(canvas, tiles[0].image.size(2), kGrey), {}};
  if (std::ranges::all_of(tiles, [](const Scene& scene) { return scene.mask.defined(); })) {
    result.mask = torch::zeros({canvas.height, canvas.width}, torch::kUInt8);
  }
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const PictureSize size = tiles[i].size();
    const Tile at =
        tile_at(i, size, canvas, {.x = static_cast<double>(x), .y = static_cast<double>(y)});
    copy_tile(tiles[i].image, at, result.image);
    if (result.mask.defined()) {
      copy_tile(tiles[i].mask, at, result.mask);
    }
    const auto part = [](std::int64_t length, std::int64_t of) {
      return static_cast<double>(length) / static_cast<double>(of);
    };
    for (const Object& object : tiles[i].objects) {
      Object kept =
          cut(moved(object, part(size.width, canvas.width), part(size.height, canvas.height),
                    part(at.left, canvas.width), part(at.top, canvas.height)));
      if (shows(kept)) {
        result.objects.push_back(std::move(kept));
      }
    }
  }
  return result;
}

std::array<double, 6> matrix_of(const Affine& affine, PictureSize canvas, PictureSize frame) {
  const double radians = affine.degrees * CV_PI / 180;
  const double a = affine.scale * std::cos(radians), b = affine.scale * std::sin(radians);
  const double shear_x = std::tan(affine.shear_x * CV_PI / 180);
  const double shear_y = std::tan(affine.shear_y * CV_PI / 180);
  // S R = [1 sx; sy 1] [a b; -b a]
  const double m00 = a - shear_x * b, m01 = b + shear_x * a;
  const double m10 = shear_y * a - b, m11 = shear_y * b + a;
  const double cx = static_cast<double>(canvas.width) / 2;
  const double cy = static_cast<double>(canvas.height) / 2;
  const double x = affine.x * static_cast<double>(frame.width) - m00 * cx - m01 * cy;
  const double y = affine.y * static_cast<double>(frame.height) - m10 * cx - m11 * cy;
  std::array<double, 6> matrix{m00, m01, x, m10, m11, y};
  for (double& value : matrix) {
    value = static_cast<float>(value);
  }
  return matrix;
}

Scene warped(const Scene& scene, const Affine& affine, PictureSize frame) {
  const PictureSize canvas = scene.size();
  const auto matrix = matrix_of(affine, canvas, frame);
  Scene result{warped_pixels(scene.image, matrix, frame, cv::INTER_LINEAR, grey()), {}};
  if (scene.mask.defined()) {
    result.mask =
        warped_pixels(planar(scene.mask), matrix, frame, cv::INTER_NEAREST, {}).squeeze(2);
  }
  const auto width = static_cast<double>(frame.width), height = static_cast<double>(frame.height);
  for (const Object& object : scene.objects) {
    Object kept = cut(through(object, matrix, canvas, frame));
    const double before = object.box.area() * static_cast<double>(canvas.width * canvas.height) *
                          affine.scale * affine.scale;
    if (shows(kept) && enough_left(kept.box.width() * width, kept.box.height() * height, before,
                                   !object.polygons.empty())) {
      result.objects.push_back(std::move(kept));
    }
  }
  return result;
}

Scene mixed(const Scene& a, const Scene& b, double share) {
  at::Tensor image = torch::empty_like(a.image);
  cv::Mat to = mat_of(image);
  cv::addWeighted(mat_of(a.image), share, mat_of(b.image), 1 - share, 0, to);
  Scene result{image, a.objects, a.mask};
  result.objects.insert(result.objects.end(), b.objects.begin(), b.objects.end());
  if (a.mask.defined()) {
    result.mask = a.mask.masked_fill(a.mask.ne(b.mask), kVoid);
  }
  return result;
}

Scene copy_pasted(const Scene& scene, const std::vector<std::size_t>& chosen) {
  constexpr double kMostHidden = 0.3;
  Scene result = scene;
  const Scene mirror = flipped(scene, false);
  std::vector<Object> pasted;
  for (const std::size_t i : chosen) {
    const Object& object = mirror.objects[i];
    const bool fits = std::ranges::all_of(result.objects, [&](const Object& other) {
      return hidden(other.box, object.box) < kMostHidden;
    });
    if (fits && !object.polygons.empty()) {
      pasted.push_back(object);
      result.objects.push_back(object);
    }
  }
  if (pasted.empty()) {
    return scene;
  }
  const at::Tensor where = outline_map(pasted, scene.size()).to(torch::kBool);
  result.image = torch::where(where.unsqueeze(2), mirror.image, scene.image);
  if (scene.mask.defined()) {
    result.mask = torch::where(where, mirror.mask, scene.mask);
  }
  return result;
}

Scene flipped(const Scene& scene, bool vertically) {
  const std::int64_t dimension = vertically ? 0 : 1;
  Scene result{scene.image.flip({dimension}), {}};
  for (const Object& object : scene.objects) {
    result.objects.push_back(with_ordered_box(mirrored(object, vertically)));
  }
  if (scene.mask.defined()) {
    result.mask = scene.mask.flip({dimension});
  }
  return result;
}

at::Tensor recoloured(const at::Tensor& image, const std::array<double, 3>& gains) {
  constexpr int kHues = 180, kMost = 255;
  std::array<cv::Mat, 3> tables;
  for (std::size_t channel = 0; channel < tables.size(); ++channel) {
    tables[channel].create(1, kMost + 1, CV_8U);
    for (int i = 0; i <= kMost; ++i) {
      const double value = i * gains[channel];
      tables[channel].at<std::uint8_t>(i) = static_cast<std::uint8_t>(
          channel == 0 ? std::fmod(value, kHues) : std::clamp<double>(value, 0, kMost));
    }
  }
  at::Tensor out = torch::empty_like(image);
  cv::Mat to = mat_of(out);
  if (image.size(2) != 3) {
    cv::LUT(mat_of(image), tables[2], to);
    return out;
  }
  cv::Mat hsv, table;
  cv::cvtColor(mat_of(image), hsv, cv::COLOR_RGB2HSV);
  cv::merge(tables.data(), tables.size(), table);
  cv::LUT(hsv, table, hsv);
  cv::cvtColor(hsv, to, cv::COLOR_HSV2RGB);
  return out;
}

}  // namespace lorae::data
