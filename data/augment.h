#pragma once

#include "base/config_reader.h"
#include "data/loader.h"

namespace lorae::data {

/// How training pictures are changed before they are fitted to the model. All off is no change.
struct AugmentOptions {
  double crop_area = 1;  ///< smallest part of the picture that a random resized crop takes
  double crop_aspect = 4.0 / 3;
  double flip = 0.5;
  double vertical_flip = 0;
  std::int64_t rand_augment = 0;
  double rand_magnitude = 0.3;
  double erasing = 0;
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
}

/// Nothing is changed.
inline constexpr AugmentOptions kNoAugmentation{.crop_area = 1, .flip = 0};

/// Random resized crop, flips, RandAugment (rand_augment.h), random erasing (2 to 33 % of the area,
/// to the mean grey 114), in this order; empty if all are off. Source: crops, Szegedy et al. 2015
/// (arXiv:1409.4842); erasing, Zhong et al. 2020 (arXiv:1708.04896).
Augmentation make_augmentation(const AugmentOptions& options);

}  // namespace lorae::data
