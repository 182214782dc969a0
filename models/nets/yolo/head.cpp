#include "models/nets/yolo/head.h"

#include <algorithm>
#include <cmath>

#include "base/str.h"
#include "tensors/torch.h"

namespace lorae::models::yolo {
namespace {

constexpr std::int64_t kClassifyChannels = 1280;
constexpr double kImageSide = 640;  // for which the class prior is meant

Conv2dOptions plain_options(std::int64_t in, std::int64_t out) {
  Conv2dOptions options = conv_options(in, out);
  options.bias = true;
  return options;
}

/// A class branch of YOLO11: two pairs of a depthwise 3x3 and a 1x1.
std::vector<std::pair<std::string, Conv2dOptions>> depthwise_units(std::int64_t in,
                                                                   std::int64_t hidden) {
  return {{"0.0", depthwise_options(in, in, 3)},
          {"0.1", conv_options(in, hidden)},
          {"1.0", depthwise_options(hidden, hidden, 3)},
          {"1.1", conv_options(hidden, hidden)}};
}

std::vector<std::pair<std::string, Conv2dOptions>> full_units(std::int64_t in,
                                                              std::int64_t hidden) {
  return {{"0", conv_options(in, hidden, 3)}, {"1", conv_options(hidden, hidden, 3)}};
}

}  // namespace

/// Units, then a plain 1x1 convolution with bias under the name "2".
class Head::Branch final : public Block {
 public:
  Branch(const std::vector<std::pair<std::string, Conv2dOptions>>& units,
         std::int64_t out,
         NormOptions norm) {
    for (const auto& [name, options] : units) {
      units_.push_back(&add<ConvBlock>(name, options, norm));
    }
    last_ = &add<Conv>("2", plain_options(units.back().second.out_channels, out));
  }

  at::Tensor forward(const at::Tensor& x) override {
    at::Tensor y = x;
    for (Block* unit : units_) {
      y = unit->forward(y);
    }
    return last_->forward(y);
  }

  void fill_bias_(double value) { last_->conv.bias.fill_(value); }

 private:
  std::vector<Block*> units_;
  Conv* last_;
};

/// The expectation of a distribution over bins. Its weight is the constant 0, 1, ..., 15.
class Head::Dfl final : public Block {
 public:
  std::vector<OwnTensor> tensors() override {
    return {{"conv.weight", &bins_, TensorKind::kConstant}};
  }

  /// Shape: [N, 64, A] logits in, [N, 4, A] distances out, in cells.
  at::Tensor forward(const at::Tensor& x) override {
    const at::Tensor sides = x.view({x.size(0), 4, kRegMax, x.size(2)});
    return (at::softmax(sides, 2) * bins_.view({1, 1, kRegMax, 1})).sum(2);
  }

 private:
  at::Tensor bins_ = torch::arange(kRegMax, c10::kFloat).view({1, kRegMax, 1, 1});
};

/// Mask prototypes at a quarter of the image's resolution.
class Head::Proto final : public Block {
 public:
  Proto(std::int64_t in, std::int64_t hidden, NormOptions norm)
      : cv1_(add<ConvBlock>("cv1", conv_options(in, hidden, 3), norm)),
        upsample_(add<ConvTranspose>("upsample", hidden)),
        cv2_(add<ConvBlock>("cv2", conv_options(hidden, hidden, 3), norm)),
        cv3_(add<ConvBlock>("cv3", conv_options(hidden, kMaskCoefficients), norm)) {}

  at::Tensor forward(const at::Tensor& x) override {
    return cv3_.forward(cv2_.forward(upsample_.forward(cv1_.forward(x))));
  }

 private:
  ConvBlock& cv1_;
  ConvTranspose& upsample_;
  ConvBlock& cv2_;
  ConvBlock& cv3_;
};

Head::Head(const HeadOptions& options, NormOptions norm) : classes_(options.classes) {
  const auto& in = options.channels;
  const std::int64_t box_hidden = std::max<std::int64_t>({16, in[0] / 4, 4 * kRegMax});
  const std::int64_t class_hidden = std::max(in[0], std::min<std::int64_t>(options.classes, 100));
  const auto units = options.depthwise_classes ? depthwise_units : full_units;
  for (std::size_t i = 0; i < in.size(); ++i) {
    boxes_.push_back(
        &add<Branch>(str("cv2.", i), full_units(in[i], box_hidden), 4 * kRegMax, norm));
  }
  for (std::size_t i = 0; i < in.size(); ++i) {
    scores_.push_back(
        &add<Branch>(str("cv3.", i), units(in[i], class_hidden), options.classes, norm));
  }
  dfl_ = &add<Dfl>("dfl");
  if (options.proto_channels > 0) {
    proto_ = &add<Proto>("proto", in[0], options.proto_channels, norm);
    const std::int64_t hidden = std::max(in[0] / 4, kMaskCoefficients);
    for (std::size_t i = 0; i < in.size(); ++i) {
      masks_.push_back(
          &add<Branch>(str("cv4.", i), full_units(in[i], hidden), kMaskCoefficients, norm));
    }
  }
}

Head::~Head() = default;

std::vector<std::string> Head::last() const {
  std::vector<std::string> names;
  for (const auto& [name, part] : parts()) {
    if (dynamic_cast<const Branch*>(part.get()) != nullptr) {
      names.push_back(name + ".2");
    }
  }
  return names;
}

void Head::initialise(const std::string& /*name*/, Seed /*seed*/) {
  for (std::size_t i = 0; i < boxes_.size(); ++i) {
    const double cells = kImageSide / static_cast<double>(kStrides[i]);
    boxes_[i]->fill_bias_(1.0);
    scores_[i]->fill_bias_(std::log(5.0 / static_cast<double>(classes_) / (cells * cells)));
  }
}

HeadMaps Head::forward(const std::vector<at::Tensor>& features) {
  HeadMaps maps;
  std::vector<at::Tensor> coefficients;
  for (std::size_t i = 0; i < features.size(); ++i) {
    maps.raw.push_back(
        at::cat({boxes_[i]->forward(features[i]), scores_[i]->forward(features[i])}, 1));
    if (proto_ != nullptr) {
      coefficients.push_back(masks_[i]->forward(features[i]).flatten(2));
    }
  }
  if (proto_ != nullptr) {
    maps.coefficients = at::cat(coefficients, 2);
    maps.proto = proto_->forward(features[0]);
  }
  return maps;
}

at::Tensor Head::decode(const HeadMaps& maps) const {
  std::vector<at::Tensor> flat, centres, strides;
  for (std::size_t i = 0; i < maps.raw.size(); ++i) {
    const at::Tensor& map = maps.raw[i];
    const std::int64_t height = map.size(2);
    const std::int64_t width = map.size(3);
    flat.push_back(map.flatten(2));
    const at::Tensor x = (torch::arange(width, map.options()) + 0.5).expand({height, width});
    const at::Tensor y =
        (torch::arange(height, map.options()) + 0.5).unsqueeze(1).expand({height, width});
    centres.push_back(at::stack({x.reshape(-1), y.reshape(-1)}));
    strides.push_back(
        torch::full({height * width}, static_cast<double>(kStrides[i]), map.options()));
  }
  const auto parts = at::cat(flat, 2).split_with_sizes({4 * kRegMax, classes_}, 1);
  const at::Tensor distances = dfl_->forward(parts[0]);
  const at::Tensor centre = at::cat(centres, 1).unsqueeze(0);
  const at::Tensor low = centre - distances.slice(1, 0, 2);
  const at::Tensor high = centre + distances.slice(1, 2, 4);
  const at::Tensor boxes = at::cat({(low + high) / 2, high - low}, 1) * at::cat(strides);
  std::vector<at::Tensor> all{boxes, parts[1].sigmoid()};
  if (maps.coefficients.defined()) {
    all.push_back(maps.coefficients);
  }
  return at::cat(all, 1);
}

Classify::Classify(std::int64_t in, std::int64_t classes, NormOptions norm)
    : conv_(add<ConvBlock>("conv", conv_options(in, kClassifyChannels), norm)),
      linear_(add<Linear>("linear", kClassifyChannels, classes)) {}

at::Tensor Classify::forward(const at::Tensor& x) {
  return linear_.forward(conv_.forward(x).mean({2, 3}));
}

}  // namespace lorae::models::yolo
