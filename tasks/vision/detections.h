#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "data/scene.h"

namespace lorae::tasks::vision {

/// What is kept of a detector's outputs. Defaults: those by which the reference measures.
struct KeepOptions {
  double confidence = 0.001;    ///< a score is over it
  double overlap = 0.7;         ///< boxes of a class that overlap more than this are one
  std::int64_t most = 300;      ///< per image
  std::int64_t among = 30000;   ///< the best per image, before boxes are compared
  bool every_class = true;      ///< a box counts for each class over the confidence, else its best
  bool across_classes = false;  ///< boxes of different classes suppress each other
};

/// What was found in one image, best first.
struct Detections {
  at::Tensor boxes;         ///< [n, 4], x1 y1 x2 y2 in pixels
  at::Tensor scores;        ///< [n]
  at::Tensor labels;        ///< int64 [n]
  at::Tensor coefficients;  ///< [n, k], of masks; k may be 0

  Detections to(at::Device device) const;
};

/// Non-maximum suppression of what a YOLO head's `decode` gives. Equal scores keep the order of
/// anchors, then classes. Classes are told apart exactly; the reference moves them apart by 7680
/// pixels, which costs float32 bits of a box.
/// Shape: [N, 4 + classes + k, A] in; one entry per image out.
std::vector<Detections> kept_detections(const at::Tensor& decoded,
                                        std::int64_t classes,
                                        const KeepOptions& options = {});

/// Boxes in pixels of the picture, cut at its border. Shape: [..., 4] in and out.
/// Formula: (x - left) / scale_x, (y - top) / scale_y; Ultralytics divides both by scale_y.
at::Tensor in_picture(const at::Tensor& boxes, const data::Placement& placement);

/// Masks of detections, in three resolutions; pixels outside of a box are left out.
/// Shape: coefficients [n, k], proto [k, h, w], boxes [n, 4]; booleans [n, rows, columns] out.
/// Formula: coefficients . proto > 0. `masks_at_prototypes` has proto's resolution and is what the
/// reference measures by; `masks_of_image` scales what is inside of a box to the image that the
/// network saw; `masks_of_picture` cuts the borders of the image off, scales the rest to the
/// picture, then cuts at `boxes`, which are in pixels of the picture. Bilinear.
/// Source: Bolya et al. 2019 (arXiv:1904.02689), section 3.4; the order of steps as in the
/// reference.
at::Tensor masks_at_prototypes(const at::Tensor& coefficients,
                               const at::Tensor& proto,
                               const at::Tensor& boxes,
                               const data::PictureSize& image);
at::Tensor masks_of_image(const at::Tensor& coefficients,
                          const at::Tensor& proto,
                          const at::Tensor& boxes,
                          const data::PictureSize& image);
/// Prototypes without the borders of the image: what the picture became. [k, h', w'].
at::Tensor prototypes_of_picture(const at::Tensor& proto, const data::PictureSize& picture);
at::Tensor masks_of_picture(const at::Tensor& coefficients,
                            const at::Tensor& proto,
                            const at::Tensor& boxes,
                            const data::PictureSize& picture);

}  // namespace lorae::tasks::vision
