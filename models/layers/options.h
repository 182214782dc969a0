#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/config_reader.h"

namespace lorae::models {

/// Which network, for what images and classes.
///
/// `stem`: torchvision's ResNets begin with a 7x7 convolution and a max-pool that leave little of a
/// small image; "small" is the 3x3 stem at full resolution that CIFAR asks for.
/// `norm_groups`: statistics of BatchNorm, and what depends on a batch, suffer where clients hold
/// skewed classes; GroupNorm has neither. Source: Hsieh et al. 2020 (arXiv:1910.00189).
/// `mean` and `standard_deviation`: of the pixels in [0, 1], one for all channels or one for each.
struct ModelOptions {
  std::string name = "resnet8";
  std::string stem = "small";
  std::int64_t norm_groups = 0;
  std::int64_t classes = 10;
  std::int64_t channels = 1;
  std::int64_t height = 28;
  std::int64_t width = 28;
  std::int64_t pool = 2;
  std::vector<double> mean = {0.2860};
  std::vector<double> standard_deviation = {0.3530};
};

/// What pictures are normalised by where nothing else is known.
/// Source: torchvision's models on ImageNet.
inline const std::vector<double> kImageNetMean = {0.485, 0.456, 0.406};
inline const std::vector<double> kImageNetDeviation = {0.229, 0.224, 0.225};

/// What the sides of an image must be a multiple of for a model to join its maps; 1: anything.
std::int64_t side_multiple(const std::string& model);

/// What no single key's range says: `pool` divides height and width, and the model's own stride
/// does; a mean and a deviation for all channels or for each. Errors: kInvalidConfig, naming the
/// key's place in [model].
void check_input(const ModelOptions& options, const ConfigReader& reader);

/// The names of all models.
std::vector<std::string_view> known_models();

template <typename Visitor>
void visit_fields(ModelOptions& options, Visitor&& visit) {
  visit("name", options.name, one_of(known_models()), "architecture of the backbone");
  visit("stem", options.stem, one_of({"small", "standard"}), "of a ResNet: 3x3, or 7x7 and a pool");
  visit("norm_groups", options.norm_groups, between(0, 1024),
        "of a ResNet: GroupNorm of so many groups; 0: BatchNorm");
  visit("classes", options.classes, between(1, 100000), "outputs of the head");
  visit("channels", options.channels, between(1, 4), "of an input image");
  visit("height", options.height, between(8, 4096), "of an input image, pixels");
  visit("width", options.width, between(8, 4096), "of an input image, pixels");
  visit("pool", options.pool, between(1, 8),
        "average-pool the image by this factor first; detectors take it as it is");
  visit("mean", options.mean, between(0, 1, {{"imagenet", kImageNetMean}}),
        "of pixels in [0, 1]; a number, one per channel or \"imagenet\"");
  visit("standard_deviation", options.standard_deviation,
        between(0.001, 1, {{"imagenet", kImageNetDeviation}}), "the input's divisor, likewise");
}

}  // namespace lorae::models
