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
struct ModelOptions {
  std::string name = "resnet8";
  std::string stem = "small";
  std::int64_t classes = 10;
  std::int64_t channels = 1;
  std::int64_t height = 28;
  std::int64_t width = 28;
  std::int64_t pool = 2;
  double mean = 0.2860;
  double standard_deviation = 0.3530;
};

/// Those of them that give a class per image: what federated runs are made of today.
std::vector<std::string_view> classifier_names();

template <typename Visitor>
void visit_fields(ModelOptions& options, Visitor&& visit) {
  visit("name", options.name, one_of(classifier_names()), "architecture of the backbone");
  visit("stem", options.stem, one_of({"small", "standard"}), "of a ResNet: 3x3, or 7x7 and a pool");
  visit("classes", options.classes, between(2, 100000), "outputs of the head");
  visit("channels", options.channels, between(1, 4), "of an input image");
  visit("height", options.height, between(8, 4096), "of an input image, pixels");
  visit("width", options.width, between(8, 4096), "of an input image, pixels");
  visit("pool", options.pool, between(1, 8), "average-pool the image by this factor first");
  visit("mean", options.mean, between(0, 1), "of the pixels in [0, 1], taken off the input");
  visit("standard_deviation", options.standard_deviation, between(0.001, 1), "the input's divisor");
}

}  // namespace lorae::models
