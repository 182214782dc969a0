#include "models/nets/resnet.h"

#include <map>

#include "base/error.h"
#include "ops/maps/max_pool.h"
#include "tensors/torch.h"

namespace lorae::models {
namespace {

constexpr std::int64_t kExpansion = 4;  // of a bottleneck

/// y = ReLU(convs(x) + shortcut(x)); each conv followed by a norm, all but the last by ReLU.
class ResidualBlock final : public Block {
 public:
  struct Shape {
    std::int64_t in, planes, stride, dilation;
    bool bottleneck;
    NormOptions norm;
    std::int64_t out() const { return bottleneck ? planes * kExpansion : planes; }
  };

  explicit ResidualBlock(const Shape& s) : norm_(s.norm) {
    if (s.bottleneck) {
      add_conv(1, same_conv(s.in, s.planes, 1));
      add_conv(2, same_conv(s.planes, s.planes, 3, s.stride, s.dilation));
      add_conv(3, same_conv(s.planes, s.out(), 1));
    } else {
      add_conv(1, same_conv(s.in, s.planes, 3, s.stride, s.dilation));
      add_conv(2, same_conv(s.planes, s.planes, 3, 1, s.dilation));
    }
    if (s.stride != 1 || s.in != s.out()) {
      shortcut_ = &add<Conv>("downsample.0", same_conv(s.in, s.out(), 1, s.stride));
      shortcut_norm_ = &add<NormLayer>("downsample.1", s.out(), norm_);
    }
  }

  at::Tensor forward(const at::Tensor& x) override {
    at::Tensor y = x;
    for (std::size_t i = 0; i < convs_.size(); ++i) {
      y = conv_norm(y, *convs_[i], *norms_[i]);
      if (i + 1 < convs_.size()) {
        y.relu_();
      }
    }
    y += shortcut_ != nullptr ? conv_norm(x, *shortcut_, *shortcut_norm_) : x;
    return y.relu_();
  }

 private:
  void add_conv(int number, const Conv2dOptions& options) {
    convs_.push_back(&add<Conv>(str("conv", number), options));
    norms_.push_back(&add<NormLayer>(str("bn", number), options.out_channels, norm_));
  }

  NormOptions norm_;
  std::vector<Conv*> convs_;
  std::vector<NormLayer*> norms_;
  Conv* shortcut_ = nullptr;
  NormLayer* shortcut_norm_ = nullptr;
};

class ResNet final : public Network {
 public:
  ResNet(const ResNetOptions& options, std::int64_t classes) {
    // The body's parts are named like the classifier's own: the reference has no prefix.
    body_ = &add<ResNetBody>("", options);
    fc_ = &add<Linear>("fc", body_->channels().back(), classes);
  }

  at::Tensor forward(const at::Tensor& images) override {
    body_->observer = observer;
    return fc_->forward(body_->forward(images).mean({2, 3}));
  }

  std::vector<std::string> head() const override { return {"fc"}; }

 private:
  ResNetBody* body_;
  Linear* fc_;
};

}  // namespace

ResNetBody::ResNetBody(const ResNetOptions& options)
    : conv1_(add<Conv>("conv1",
                       options.small_stem
                           ? same_conv(options.channels, options.table.widths.front(), 3)
                           : same_conv(options.channels, options.table.widths.front(), 7, 2))),
      bn1_(add<NormLayer>("bn1", options.table.widths.front(), options.norm)),
      max_pool_(!options.small_stem),
      channels_{options.table.widths.front()} {
  std::int64_t in = options.table.widths.front();
  std::int64_t dilation = 1;
  for (std::size_t stage = 0; stage < options.table.widths.size(); ++stage) {
    const Stride kind = stage == 2 ? options.third : stage == 3 ? options.fourth : Stride::kHalves;
    const std::int64_t before = dilation;
    dilation *= kind == Stride::kHalves ? 1 : 2;
    auto& blocks = stages_.emplace_back();
    for (std::int64_t i = 0; i < options.table.blocks[stage]; ++i) {
      const bool first = i == 0;
      const ResidualBlock::Shape shape{
          .in = in,
          .planes = options.table.widths[stage],
          .stride = stage > 0 && first && kind == Stride::kHalves ? 2 : 1,
          .dilation = first && kind != Stride::kDilatedThroughout ? before : dilation,
          .bottleneck = options.table.bottleneck,
          .norm = options.norm};
      blocks.push_back(&add<ResidualBlock>(str("layer", stage + 1, '.', i), shape));
      in = shape.out();
    }
    channels_.push_back(in);
  }
}

std::vector<at::Tensor> ResNetBody::features(const at::Tensor& x) {
  std::vector<at::Tensor> maps;
  run(x, [&](const at::Tensor& map) { maps.push_back(map); });
  return maps;
}

at::Tensor ResNetBody::forward(const at::Tensor& x) {
  return run(x, nullptr);
}

at::Tensor ResNetBody::run(const at::Tensor& x,
                           const std::function<void(const at::Tensor&)>& visit) {
  const auto seen = [&](const std::string& name, const at::Tensor& value) {
    if (observer) {
      observer(name, value);
    }
  };
  at::Tensor y = conv_norm(x, conv1_, bn1_);
  seen("bn1", y);
  if (visit || !max_pool_) {
    const at::Tensor map = y.relu();
    if (visit) {
      visit(map);
    }
    y = max_pool_ ? y : map;
  }
  if (max_pool_) {
    y = ops::max_pool(y, 3, 2, 1).relu_();  // as ReLU first, on a quarter of the numbers
    seen("maxpool", y);
  }
  for (std::size_t stage = 0; stage < stages_.size(); ++stage) {
    for (Block* block : stages_[stage]) {
      y = block->forward(y);
    }
    seen(str("layer", stage + 1), y);
    if (visit) {
      visit(y);
    }
  }
  return y;
}

ResNetTable resnet_table(const std::string& name) {
  static const std::map<std::string, ResNetTable> tables = {
      {"resnet8", {.widths = {32, 64, 128}, .blocks = {1, 1, 1}}},
      {"resnet8w64", {.widths = {64, 128, 256}, .blocks = {1, 1, 1}}},
      {"resnet18", {.blocks = {2, 2, 2, 2}}},
      {"resnet34", {.blocks = {3, 4, 6, 3}}},
      {"resnet50", {.blocks = {3, 4, 6, 3}, .bottleneck = true}},
      {"resnet101", {.blocks = {3, 4, 23, 3}, .bottleneck = true}},
      {"resnet152", {.blocks = {3, 8, 36, 3}, .bottleneck = true}},
  };
  const auto found = tables.find(name);
  check(found != tables.end(), ErrorCode::kInvalidConfig, "[models] unknown ResNet '", name, "'");
  return found->second;
}

std::unique_ptr<Network> build_resnet(const ResNetOptions& options, std::int64_t classes) {
  return std::make_unique<ResNet>(options, classes);
}

}  // namespace lorae::models
