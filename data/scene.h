#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

#include "data/dataset.h"

// What becomes of pictures with objects on their way to a model: geometry and colours, one step a
// function. All that is drawn is drawn by the caller. Threads: any.
namespace lorae::data {

/// What is around a picture that does not fill its frame.
inline constexpr int kGrey = 114;

/// A picture and what it shows.
struct Scene {
  at::Tensor image;             ///< uint8 [H, W, C]
  std::vector<Object> objects;  ///< in fractions of `image`
  at::Tensor mask = {};         ///< uint8 [H, W], as Sample::mask, or undefined

  PictureSize size() const { return {image.size(0), image.size(1)}; }
};

/// Where the pixels of a picture came to lie in its frame: x = left + scale_x * its own x.
struct Placement {
  PictureSize picture;  ///< as it is in its file
  double scale_x = 1, scale_y = 1;
  double left = 0, top = 0;  ///< pixels

  bool operator==(const Placement&) const = default;
};

/// Scaled until its longer side has `side` pixels; bilinear, masks by the nearest pixel.
Scene scaled_to_side(const Scene& scene, std::int64_t side);

/// In the middle of a frame, as large as it fits (or no larger than it is, unless `enlarge`), grey
/// around it; pixels of a mask around it are kVoid. Writes where it lies, relative to `scene`, into
/// `where` if that is given.
Scene letterboxed(const Scene& scene, PictureSize frame, bool enlarge, Placement* where = nullptr);

/// Four scenes around the point (x, y) of a canvas twice as high and wide as `tile`: top left, top
/// right, bottom left, bottom right. Objects are cut at the canvas; those outside are gone.
/// Source: Bochkovskiy et al. 2020, "YOLOv4" (arXiv:2004.10934), section 3.3.
Scene mosaic(const std::array<Scene, 4>& tiles, PictureSize tile, std::int64_t x, std::int64_t y);

/// A change of place: the canvas' centre goes to (`x`, `y`), fractions of the frame.
struct Affine {
  double degrees = 0;  ///< counter-clockwise
  double scale = 1;
  double shear_x = 0, shear_y = 0;  ///< degrees
  double x = 0.5, y = 0.5;
};

/// Rows of the matrix that takes pixels of a canvas to those of a frame: T S R C, rounded to float.
std::array<double, 6> matrix_of(const Affine& affine, PictureSize canvas, PictureSize frame);

/// The scene moved, in a frame of that size; bilinear, grey around it. Objects are cut at the
/// frame; those of which at most 2 pixels or a tenth (of outlines a hundredth) are left are gone.
Scene warped(const Scene& scene, const Affine& affine, PictureSize frame);

/// Pixel by pixel share * a + (1 - share) * b, and the objects of both. Precondition: equal sizes.
/// Source: Zhang et al. 2018, "mixup" (arXiv:1710.09412).
Scene mixed(const Scene& a, const Scene& b, double share);

/// The objects at `chosen`, mirrored and pasted, where that hides less than 30 % of any other;
/// those without an outline are left out. Source: Ghiasi et al. 2021 (arXiv:2012.07177),
/// simplified.
Scene copy_pasted(const Scene& scene, const std::vector<std::size_t>& chosen);

Scene flipped(const Scene& scene, bool vertically);

/// Multiplies hue, saturation and value; of grey pictures the value alone.
/// Formula: 8-bit HSV of OpenCV; hue modulo 180, the others cut at 255, all rounded down.
at::Tensor recoloured(const at::Tensor& image, const std::array<double, 3>& gains);

}  // namespace lorae::data
