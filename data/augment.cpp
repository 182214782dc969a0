#include "data/augment.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "data/rand_augment.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

constexpr int kTries = 10;  // to find a rectangle that lies inside

struct Rectangle {
  std::int64_t top = 0, left = 0, height = 0, width = 0;
};

/// A rectangle of a part of the area in [low, high], up to `aspect` times as wide as high or as
/// high as wide; nothing if none is found.
std::optional<Rectangle> random_rectangle(
    const at::Tensor& image, double low, double high, double aspect, Random& random) {
  const std::int64_t height = image.size(0), width = image.size(1);
  for (int i = 0; i < kTries; ++i) {
    const double area = between_draw(random, low, high) * static_cast<double>(height * width);
    const double ratio = std::exp(between_draw(random, -std::log(aspect), std::log(aspect)));
    const auto high_side = static_cast<std::int64_t>(std::lround(std::sqrt(area / ratio)));
    const auto wide_side = static_cast<std::int64_t>(std::lround(std::sqrt(area * ratio)));
    if (high_side >= 1 && wide_side >= 1 && high_side <= height && wide_side <= width) {
      const auto draw = [&](std::int64_t room) {
        return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(room) + 1));
      };
      const std::int64_t top = draw(height - high_side);
      return Rectangle{top, draw(width - wide_side), high_side, wide_side};
    }
  }
  return std::nullopt;
}

at::Tensor part(const at::Tensor& image, const Rectangle& at) {
  return image.narrow(0, at.top, at.height).narrow(1, at.left, at.width);
}

at::Tensor augmented(const at::Tensor& image, const AugmentOptions& options, Random& random) {
  at::Tensor changed = image;
  if (options.crop_area < 1) {
    if (const auto crop =
            random_rectangle(changed, options.crop_area, 1, options.crop_aspect, random)) {
      changed = part(changed, *crop);
    }
  }
  std::vector<std::int64_t> flipped;
  if (options.vertical_flip > 0 && random.uniform() < options.vertical_flip) {
    flipped.push_back(0);
  }
  if (options.flip > 0 && random.uniform() < options.flip) {
    flipped.push_back(1);
  }
  if (!flipped.empty()) {
    changed = changed.flip(flipped);
  }
  if (options.rand_augment > 0) {
    changed =
        rand_augmented(changed.contiguous(), options.rand_augment, options.rand_magnitude, random);
  }
  if (options.erasing > 0 && random.uniform() < options.erasing) {
    constexpr double kLow = 0.02, kHigh = 0.33, kAspect = 3.3;
    constexpr int kGrey = 114;
    if (const auto erased = random_rectangle(changed, kLow, kHigh, kAspect, random)) {
      changed = changed.clone();
      part(changed, *erased).fill_(kGrey);
    }
  }
  return changed.contiguous();
}

}  // namespace

Augmentation make_augmentation(const AugmentOptions& options) {
  if (options.crop_area >= 1 && options.flip <= 0 && options.vertical_flip <= 0 &&
      options.rand_augment == 0 && options.erasing <= 0) {
    return {};
  }
  return [options](const at::Tensor& image, Random& random) {
    return augmented(image, options, random);
  };
}

}  // namespace lorae::data
