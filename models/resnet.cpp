#include "models/resnet.h"

#include <cmath>
#include <optional>

#include "tensors/torch.h"

namespace lorae::models {
namespace {

using adapters::Conv2d;
using adapters::Conv2dOptions;

Conv2dOptions conv3x3(std::int64_t in, std::int64_t out, std::int64_t stride) {
  return {.in_channels = in, .out_channels = out, .kernel = 3, .stride = stride, .padding = 1};
}

/// y = ReLU(conv2(ReLU(conv1(x))) + shortcut(x)), each conv followed by BatchNorm.
struct BasicBlock {
  Conv2d conv1, conv2;
  BatchNorm bn1, bn2;
  std::optional<Conv2d> shortcut;
  std::optional<BatchNorm> shortcut_norm;

  BasicBlock(
      std::int64_t in, std::int64_t out, std::int64_t stride, const std::string& name, Seed seed)
      : conv1(conv3x3(in, out, stride), seed.derive("weight", name + ".conv1")),
        conv2(conv3x3(out, out, 1), seed.derive("weight", name + ".conv2")),
        bn1(out),
        bn2(out) {
    if (stride != 1 || in != out) {
      shortcut.emplace(Conv2dOptions{.in_channels = in, .out_channels = out, .stride = stride},
                       seed.derive("weight", name + ".downsample.0"));
      shortcut_norm.emplace(out);
    }
  }
};

class ResNet final : public Model {
 public:
  ResNet(const ModelOptions& model_options, const ResNetTable& table, Seed seed)
      : Model(model_options),
        stem_(conv3x3(model_options.channels, table.widths.front(), 1),
              seed.derive("weight", "conv1")),
        stem_norm_(table.widths.front()) {
    add("conv1", stem_);
    add("bn1", stem_norm_);
    std::int64_t in = table.widths.front();
    for (std::size_t stage = 0; stage < table.widths.size(); ++stage) {
      for (std::int64_t i = 0; i < table.blocks_per_stage; ++i) {
        const std::int64_t stride = stage > 0 && i == 0 ? 2 : 1;
        add_block(in, table.widths[stage], stride, str("layer", stage + 1, '.', i), seed);
        in = table.widths[stage];
      }
    }
    const double bound = 1.0 / std::sqrt(static_cast<double>(in));
    set_head(
        adapters::uniform_tensor({model_options.classes, in}, bound, seed.derive("weight", "fc")),
        adapters::uniform_tensor({model_options.classes}, bound, seed.derive("bias", "fc")));
  }

  at::Tensor forward(const at::Tensor& images) override {
    const std::int64_t pool = options().pool;
    at::Tensor x = pool > 1 ? at::avg_pool2d(images, {pool, pool}) : images;
    x = conv_norm(x, stem_, stem_norm_).relu_();
    for (const auto& block : blocks_) {
      x = forward_block(*block, x);
    }
    return classify(x.mean({2, 3}));
  }

 private:
  void add_block(
      std::int64_t in, std::int64_t out, std::int64_t stride, const std::string& name, Seed seed) {
    blocks_.push_back(std::make_unique<BasicBlock>(in, out, stride, name, seed));
    BasicBlock& block = *blocks_.back();
    add(name + ".conv1", block.conv1);
    add(name + ".bn1", block.bn1);
    add(name + ".conv2", block.conv2);
    add(name + ".bn2", block.bn2);
    if (block.shortcut) {
      add(name + ".downsample.0", *block.shortcut);
      add(name + ".downsample.1", *block.shortcut_norm);
    }
  }

  at::Tensor forward_block(BasicBlock& block, const at::Tensor& x) const {
    const at::Tensor hidden = conv_norm(x, block.conv1, block.bn1).relu_();
    at::Tensor y = conv_norm(hidden, block.conv2, block.bn2);
    y += block.shortcut ? conv_norm(x, *block.shortcut, *block.shortcut_norm) : x;
    return y.relu_();
  }

  Conv2d stem_;
  BatchNorm stem_norm_;
  std::vector<std::unique_ptr<BasicBlock>>
      blocks_;  // addresses stay put: Model points at the convs
};

}  // namespace

std::unique_ptr<Model> build_resnet(const ModelOptions& options,
                                    const ResNetTable& table,
                                    Seed seed) {
  return std::make_unique<ResNet>(options, table, seed);
}

}  // namespace lorae::models
