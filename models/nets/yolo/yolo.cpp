#include "models/nets/yolo/yolo.h"

#include "base/error.h"
#include "base/str.h"
#include "ops/maps/remake.h"
#include "tensors/torch.h"

namespace lorae::models::yolo {
namespace {

constexpr NormOptions kDetectionNorm{.epsilon = 1e-3, .momentum = 0.03};
constexpr NormOptions kClassificationNorm{};
constexpr std::int64_t kCoarsest = kStrides.back();

std::string row_name(std::size_t row) {
  return str("model.", row);
}

/// Makes the blocks of a table's rows, keeping count of the channels that each row gives.
class Builder {
 public:
  Builder(std::int64_t channels, NormOptions norm) : in_(channels), norm_(norm) {}

  /// The block of a row; nullptr for a row without tensors.
  std::unique_ptr<Block> build(const Row& row) {
    std::unique_ptr<Block> block;
    if (row.kind == Kind::kConcat) {
      in_ += channels(row.from[0]);
    } else if (row.kind != Kind::kUpsample) {
      block = make(row);
      in_ = row.channels;
    }
    channels_.push_back(in_);
    return block;
  }

  std::int64_t channels(int row) const { return channels_.at(static_cast<std::size_t>(row)); }
  std::int64_t channels() const { return in_; }

 private:
  std::unique_ptr<Block> make(const Row& row) const {
    const std::int64_t out = row.channels;
    switch (row.kind) {
      case Kind::kConv: {
        Conv2dOptions options = conv_options(in_, out, row.kernel, row.stride);
        if (row.padding >= 0) {
          options.padding = row.padding;
        }
        return std::make_unique<ConvBlock>(options, norm_);
      }
      case Kind::kC2f:
        return std::make_unique<C2f>(
            in_, out, C2f::Options{.repeats = row.repeats, .shortcut = row.flag}, norm_);
      case Kind::kC3k2:
        return std::make_unique<C2f>(
            in_, out,
            C2f::Options{.repeats = row.repeats,
                         .shortcut = true,
                         .expansion = row.expansion,
                         .inner = row.flag ? C2f::Inner::kC3k : C2f::Inner::kHalfBottleneck},
            norm_);
      case Kind::kC3:
        return std::make_unique<C3>(
            in_, out, C3::Options{.repeats = row.repeats, .shortcut = row.flag}, norm_);
      case Kind::kSppf:
        return std::make_unique<Sppf>(in_, out, norm_);
      default:
        return std::make_unique<C2psa>(out, row.repeats, norm_);
    }
  }

  std::int64_t in_;
  NormOptions norm_;
  std::vector<std::int64_t> channels_;
};

/// Blocks one after the other, then Classify.
class Classifier final : public Network {
 public:
  Classifier(const Table& table, std::int64_t channels, std::int64_t classes) {
    Builder builder(channels, kClassificationNorm);
    for (const Row& row : table.rows) {
      if (row.kind != Kind::kHead) {
        blocks_.push_back(&adopt(row_name(blocks_.size()), builder.build(row)));
      }
    }
    head_ = row_name(blocks_.size());
    blocks_.push_back(&add<Classify>(head_, builder.channels(), classes, kClassificationNorm));
  }

  at::Tensor forward(const at::Tensor& images) override {
    at::Tensor x = images;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      x = seen(row_name(i), blocks_[i]->forward(x));
    }
    return x;
  }

  std::vector<Output> predict(const at::Tensor& images) override {
    const at::Tensor logits = forward(images);
    return {{"softmax", at::softmax(logits, 1)}, {"logits", logits}};
  }

  std::vector<std::string> head() const override { return {head_ + ".linear"}; }

 private:
  std::vector<Block*> blocks_;
  std::string head_;
};

}  // namespace

Detector::Detector(const Table& table, std::int64_t channels, std::int64_t classes)
    : rows_(table.rows) {
  Builder builder(channels, kDetectionNorm);
  for (const Row& row : rows_) {
    if (row.kind != Kind::kHead) {
      auto block = builder.build(row);
      blocks_.push_back(block ? &adopt(row_name(blocks_.size()), std::move(block)) : nullptr);
      continue;
    }
    HeadOptions options{
        .classes = classes,
        .channels = {},
        .depthwise_classes = table.depthwise_classes,
        .proto_channels = table.task == Task::kSegmentation ? table.proto_channels : 0};
    for (const int input : row.from) {
      options.channels.push_back(builder.channels(input));
    }
    head_name_ = row_name(blocks_.size());
    head_ = &add<Head>(head_name_, options, kDetectionNorm);
  }
}

HeadMaps Detector::maps(const at::Tensor& images) {
  check(images.size(2) % kCoarsest == 0 && images.size(3) % kCoarsest == 0,
        ErrorCode::kInvalidArgument, "[models] yolo: expected image sides in multiples of ",
        kCoarsest, ", got ", images.size(2), " x ", images.size(3));
  std::vector<at::Tensor> given;
  at::Tensor x = images;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Row& row = rows_[i];
    if (row.kind == Kind::kUpsample) {
      x = resize_nearest(x, 2 * x.size(2), 2 * x.size(3));
    } else if (row.kind == Kind::kConcat) {
      x = ops::cat({x, given[static_cast<std::size_t>(row.from[0])]});
    } else {
      x = blocks_[i]->forward(x);
    }
    given.push_back(seen(row_name(i), x));
  }
  std::vector<at::Tensor> inputs;
  for (const int input : rows_.back().from) {
    inputs.push_back(given[static_cast<std::size_t>(input)]);
  }
  HeadMaps maps = head_->forward(inputs);
  for (std::size_t i = 0; i < maps.raw.size(); ++i) {
    seen(str("raw_P", 3 + i), maps.raw[i]);
  }
  return maps;
}

std::vector<std::string> Detector::head() const {
  std::vector<std::string> layers = head_->last();
  for (std::string& layer : layers) {
    layer = joined_name(head_name_, layer);
  }
  return layers;
}

std::vector<std::string> Detector::branches() const {
  std::vector<std::string> layers;
  for (const std::string& last : head()) {
    layers.push_back(last.substr(0, last.rfind('.')));
  }
  return layers;
}

at::Tensor Detector::forward(const at::Tensor& images) {
  return head_->decode(maps(images));
}

std::vector<Output> Detector::predict(const at::Tensor& images) {
  const HeadMaps all = maps(images);
  std::vector<Output> outputs{{"decoded", head_->decode(all)}};
  if (all.proto.defined()) {
    outputs.push_back({"proto", all.proto});
  }
  return outputs;
}

std::unique_ptr<Network> build_yolo(const std::string& name,
                                    std::int64_t channels,
                                    std::int64_t classes) {
  const Table described = table(name);
  if (described.task == Task::kClassification) {
    return std::make_unique<Classifier>(described, channels, classes);
  }
  return std::make_unique<Detector>(described, channels, classes);
}

}  // namespace lorae::models::yolo
