#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "base/config_reader.h"
#include "base/seed.h"

namespace lorae::data {

/// How training pictures are changed before a model sees them. All off is no change. Crops,
/// RandAugment and erasing are for classification; mosaic to copy-paste for objects and masks.
struct AugmentOptions {
  double crop_area = 1;  ///< smallest part of the picture that a random resized crop takes
  double crop_aspect = 4.0 / 3;
  double flip = 0.5;
  double vertical_flip = 0;
  std::int64_t rand_augment = 0;
  double rand_magnitude = 0.3;
  double erasing = 0;
  double mosaic = 0;
  std::int64_t mosaic_off = 10;
  double rotate = 0;
  double translate = 0;
  double scale = 0;
  double shear = 0;
  double mixup = 0;
  double copy_paste = 0;
  double hue = 0, saturation = 0, value = 0;
};

template <typename Visitor>
void visit_fields(AugmentOptions& options, Visitor&& visit) {
  visit("crop_area", options.crop_area, between(0.01, 1),
        "smallest part that a random crop takes; 1: no crop");
  visit("crop_aspect", options.crop_aspect, between(1, 10), "most that a crop is stretched");
  visit("flip", options.flip, between(0, 1), "probability of a horizontal flip");
  visit("vertical_flip", options.vertical_flip, between(0, 1), "probability of a vertical flip");
  visit("rand_augment", options.rand_augment, between(0, 14),
        "changes drawn by RandAugment; 0: none");
  visit("rand_magnitude", options.rand_magnitude, between(0, 1), "how strong they are");
  visit("erasing", options.erasing, between(0, 1), "probability that a rectangle is erased");
  visit("mosaic", options.mosaic, between(0, 1), "probability that four pictures become one");
  visit("mosaic_off", options.mosaic_off, between(0, 1e6),
        "last epochs without mosaic, mixup and copy-paste");
  visit("rotate", options.rotate, between(0, 180), "degrees, at most, both ways");
  visit("translate", options.translate, between(0, 1), "part of a side, at most, both ways");
  visit("scale", options.scale, between(0, 0.99), "by 1 - scale to 1 + scale");
  visit("shear", options.shear, between(0, 60), "degrees, at most, both ways");
  visit("mixup", options.mixup, between(0, 1), "probability that two pictures are mixed");
  visit("copy_paste", options.copy_paste, between(0, 1),
        "part of the objects that is pasted again");
  visit("hue", options.hue, between(0, 0.5), "by 1 - hue to 1 + hue");
  visit("saturation", options.saturation, between(0, 1), "the same");
  visit("value", options.value, between(0, 1), "the same");
}

/// Nothing is changed.
inline constexpr AugmentOptions kNoAugmentation{.crop_area = 1, .flip = 0};

/// A changed copy of a picture: uint8 [H, W, C] in and out, of any size. All that it draws comes
/// from `random`.
using Augmentation = std::function<at::Tensor(const at::Tensor& image, Random& random)>;

/// In [low, high).
inline double between_draw(Random& random, double low, double high) {
  return low + (high - low) * static_cast<double>(random.uniform());
}

/// Random resized crop, flips, RandAugment (rand_augment.h), random erasing (2 to 33 % of the area,
/// to the mean grey 114), in this order; empty if all are off. Source: crops, Szegedy et al. 2015
/// (arXiv:1409.4842); erasing, Zhong et al. 2020 (arXiv:1708.04896).
Augmentation make_augmentation(const AugmentOptions& options);

}  // namespace lorae::data
