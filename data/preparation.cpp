#include "data/preparation.h"

#include <utility>

#include "base/error.h"
#include "base/in_parallel.h"
#include "data/view.h"
#include "tensors/threads.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

Scene scene_of(Sample sample) {
  return {std::move(sample.image), std::move(sample.objects), std::move(sample.mask)};
}

/// The scene of one picture, or of four, moved into the frame.
class Changes {
 public:
  Changes(const AugmentOptions& options, const Dataset& set, const Wanted& wanted, Random& random)
      : options_(options), set_(set), wanted_(wanted), random_(random) {}

  Scene make(bool composed) {
    Scene scene = moved(wanted_.index, composed);
    if (composed && happens(options_.mixup)) {
      constexpr double kEven = 32;  // Beta(32, 32): about half of each
      const double a = random_.gamma(kEven), b = random_.gamma(kEven);
      scene = mixed(scene, moved(any(), composed), a / (a + b));
    }
    if (options_.hue > 0 || options_.saturation > 0 || options_.value > 0) {
      const double hue = gain(options_.hue), saturation = gain(options_.saturation);
      scene.image = recoloured(scene.image, {hue, saturation, gain(options_.value)});
    }
    if (happens(options_.vertical_flip)) {
      scene = flipped(scene, true);
    }
    if (happens(options_.flip)) {
      scene = flipped(scene, false);
    }
    return scene;
  }

 private:
  bool happens(double probability) { return probability > 0 && random_.uniform() < probability; }
  double gain(double range) { return between_draw(random_, 1 - range, 1 + range); }
  Scene scaled(std::int64_t index) {
    Scene scene = scaled_to_side(scene_of(set_.get(index)), wanted_.side);
    std::erase_if(scene.objects,
                  [&](const Object& object) { return object.ignored && !wanted_.ignored; });
    return scene;
  }
  std::int64_t any() {
    return static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(set_.size())));
  }

  Scene moved(std::int64_t index, bool composed) {
    const bool four = composed && happens(options_.mosaic);
    Scene scene = scaled(index);
    scene = four ? mosaic_from(std::move(scene)) : letterboxed(scene, wanted_.frame, true);
    if (composed && options_.copy_paste > 0) {
      std::vector<std::size_t> chosen;
      for (std::size_t i = 0; i < scene.objects.size(); ++i) {
        if (happens(options_.copy_paste)) {
          chosen.push_back(i);
        }
      }
      scene = copy_pasted(scene, chosen);
    }
    const bool stays = options_.rotate <= 0 && options_.scale <= 0 && options_.shear <= 0 &&
                       options_.translate <= 0;
    if (!four && stays) {
      return scene;
    }
    const auto both = [&](double range) { return between_draw(random_, -range, range); };
    Affine affine;  // the draws in this order
    affine.degrees = both(options_.rotate);
    affine.scale = gain(options_.scale);
    affine.shear_x = both(options_.shear);
    affine.shear_y = both(options_.shear);
    affine.x = 0.5 + both(options_.translate);
    affine.y = 0.5 + both(options_.translate);
    return warped(scene, affine, wanted_.frame);
  }

  Scene mosaic_from(Scene first) {
    const auto inner = [&](std::int64_t side) {  // in [side / 2, 3 side / 2)
      return side / 2 + static_cast<std::int64_t>(random_.below(
                            static_cast<std::uint64_t>(std::max<std::int64_t>(side, 1))));
    };
    const std::int64_t y = inner(wanted_.frame.height), x = inner(wanted_.frame.width);
    std::array<Scene, 4> tiles{std::move(first), {}, {}, {}};
    for (std::size_t i = 1; i < tiles.size(); ++i) {
      tiles[i] = scaled(any());
    }
    return mosaic(tiles, wanted_.frame, x, y);
  }

  const AugmentOptions& options_;
  const Dataset& set_;
  const Wanted& wanted_;
  Random& random_;
};

/// Pictures that lie in memory, smaller than in their files.
class HeldScenes final : public View {
 public:
  HeldScenes(DatasetPtr set, std::int64_t side)
      : View(std::move(set)),
        samples_(static_cast<std::size_t>(from().size())),
        sizes_(samples_.size()) {
    in_parallel(
        from().size(),
        [&](std::int64_t index) {
          const auto i = static_cast<std::size_t>(index);
          Sample sample = from().get(index);
          sizes_[i] = {sample.image.size(0), sample.image.size(1)};
          Scene scene = scaled_to_side(scene_of(sample), side);
          samples_[i] = {std::move(scene.image), sample.label, std::move(scene.objects),
                         std::move(scene.mask)};
        },
        keep_to_this_thread);
  }

  Sample get(std::int64_t index) const override {
    return samples_.at(static_cast<std::size_t>(index));
  }
  std::vector<Object> objects(std::int64_t index) const override {
    return samples_.at(static_cast<std::size_t>(index)).objects;
  }
  std::optional<PictureSize> picture_size(std::int64_t index) const override {
    return sizes_.at(static_cast<std::size_t>(index));
  }

 private:
  std::vector<Sample> samples_;
  std::vector<PictureSize> sizes_;
};

}  // namespace

Preparation stretching(Augmentation augment) {
  if (!augment) {
    return {};
  }
  return [augment = std::move(augment)](const Dataset& set, const Wanted& wanted, Random& random) {
    Sample sample = set.get(wanted.index);
    Example example;
    example.placement.picture = {sample.image.size(0), sample.image.size(1)};
    example.label = sample.label;
    example.scene = scene_of(std::move(sample));
    example.scene.image = augment(example.scene.image, random);
    return example;
  };
}

Preparation letterboxing() {
  return [](const Dataset& set, const Wanted& wanted, Random& /*random*/) {
    Sample sample = set.get(wanted.index);
    const std::int64_t label = sample.label;
    Scene scene = scene_of(std::move(sample));
    const PictureSize picture = set.picture_size(wanted.index).value_or(scene.size());
    scene = scaled_to_side(scene, wanted.side);
    const PictureSize inner = scene.size();
    Example example{.scene = {}, .label = label, .placement = {}};
    example.scene = letterboxed(scene, wanted.frame, false, &example.placement);
    Placement& where = example.placement;  // of `scene` so far
    where.scale_x *= static_cast<double>(inner.width) / static_cast<double>(picture.width);
    where.scale_y *= static_cast<double>(inner.height) / static_cast<double>(picture.height);
    where.picture = picture;
    return example;
  };
}

Preparation scene_changing(const AugmentOptions& options, std::int64_t epochs) {
  check(options.crop_area >= 1 && options.rand_augment == 0 && options.erasing <= 0,
        ErrorCode::kInvalidConfig,
        "[augment] crop_area, rand_augment and erasing are for classification: objects would be "
        "lost; expected crop_area = 1, rand_augment = 0, erasing = 0");
  return [options, epochs](const Dataset& set, const Wanted& wanted, Random& random) {
    const bool composed = wanted.epoch < epochs - options.mosaic_off;
    Example example{.scene = Changes(options, set, wanted, random).make(composed),
                    .label = set.label(wanted.index),
                    .placement = {}};
    example.placement.picture = example.scene.size();
    return example;
  };
}

DatasetPtr held_at_side(DatasetPtr from, std::int64_t side, std::int64_t limit) {
  if (from->size() == 0) {
    return from;
  }
  const std::int64_t channels = from->get(0).image.size(2);
  return from->size() * side * side * channels > limit
             ? from
             : std::make_shared<HeldScenes>(std::move(from), side);
}

}  // namespace lorae::data
