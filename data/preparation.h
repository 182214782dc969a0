#pragma once

#include <functional>
#include <memory>

#include "base/seed.h"
#include "data/augment.h"
#include "data/scene.h"

namespace lorae::data {

/// A picture as a model sees it.
struct Example {
  Scene scene;  ///< fills the frame; of a stretched picture of any size, still to be stretched
  std::int64_t label = -1;
  Placement placement;
};

/// What is asked of a preparation.
struct Wanted {
  std::int64_t index = 0;  ///< of the data set
  PictureSize frame;
  std::int64_t side = 0;  ///< pictures with objects are scaled to it before anything else
  std::int64_t epoch = 0;
  bool ignored = false;  ///< objects that are not trained on are kept, for their pixels
};

/// How a picture gets into a model's frame, and how it is changed on its way. All that it draws
/// comes from `random`. Threads: any at once.
using Preparation =
    std::function<Example(const Dataset& set, const Wanted& wanted, Random& random)>;

/// For classification: the whole picture is changed, then stretched to the frame. Empty without
/// `augment`: a loader stretches by itself.
Preparation stretching(Augmentation augment);

/// For objects and masks: the picture keeps its proportions, with grey around it.
Preparation letterboxing();

/// For training on objects and masks: mosaic, copy-paste, affine and mixup, colours, flips, in this
/// order. Mosaic, copy-paste and mixup end `mosaic_off` epochs before `epochs`, the training's.
Preparation scene_changing(const AugmentOptions& options, std::int64_t epochs);

/// The pictures of a set with objects or masks, scaled so that the longer side has `side` pixels,
/// decoded once and held in memory, if they take at most `limit` bytes there; else `from` itself.
/// `picture_size` still tells the size in the file.
/// Errors: kCorruptData, naming the first picture that cannot be decoded.
DatasetPtr held_at_side(DatasetPtr from, std::int64_t side, std::int64_t limit);

}  // namespace lorae::data
