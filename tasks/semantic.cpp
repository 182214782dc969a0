#include "tasks/semantic.h"

#include "base/error.h"
#include "tasks/metrics/pixels.h"
#include "tasks/vision/semantic_loss.h"
#include "tensors/torch.h"

namespace lorae::tasks {
namespace {

class SemanticMeter final : public Meter {
 public:
  explicit SemanticMeter(std::int64_t classes) : classes_(classes), pixels_(classes) {}

  void add(const Predictions& predictions, const data::Batch& batch) override {
    const at::Tensor found = predictions.pixels.classes.cpu().contiguous();
    const at::Tensor truth = batch.masks.contiguous();
    const auto span = [](const at::Tensor& map) {
      return std::span<const std::uint8_t>(map.data_ptr<std::uint8_t>(),
                                           static_cast<std::size_t>(map.numel()));
    };
    pixels_.add(span(found), span(truth));
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      for (std::int64_t k = 1; k <= classes_; ++k) {
        shown_[static_cast<std::size_t>(k) - 1] += truth[i].eq(k).any().item<bool>() ? 1 : 0;
      }
    }
  }

  Metrics result() const override {
    if (pixels_.pixels() == 0) {
      return {};
    }
    return {{"miou", pixels_.mean_iou()}, {"pixel_accuracy", pixels_.accuracy()}};
  }

  std::vector<ClassResult> per_class() const override {
    std::vector<ClassResult> results;
    for (std::int64_t k = 1; k <= classes_; ++k) {
      ClassResult result{k - 1, shown_[static_cast<std::size_t>(k) - 1], {}};
      if (const auto iou = pixels_.iou(k)) {
        result.metrics.set("iou", *iou);
      }
      results.push_back(std::move(result));
    }
    return results;
  }

  Figures figures() const override {
    Figures figures;
    figures.confusion =
        Confusion{.counted = "pixels", .classes = classes_, .background = true, .pairs = {}};
    const auto value = [this](std::int64_t label) { return label == classes_ ? 0 : label + 1; };
    for (std::int64_t found = 0; found <= classes_; ++found) {
      for (std::int64_t truth = 0; truth <= classes_; ++truth) {
        if (const std::int64_t count = pixels_.at(value(found), value(truth)); count > 0) {
          figures.confusion->pairs.push_back({found, truth, count});
        }
      }
    }
    return figures;
  }

 private:
  std::int64_t classes_;
  metrics::PixelMeter pixels_;
  std::vector<std::int64_t> shown_ = std::vector<std::int64_t>(static_cast<std::size_t>(classes_));
};

class Semantic final : public Task {
 public:
  explicit Semantic(const TaskSettings& settings) : settings_(settings) {}

  Loss loss(models::Model& model, const data::Batch& batch) const override {
    const vision::SemanticLoss loss = vision::semantic_loss(logits_of(model, batch), batch.masks);
    return {.total = loss.total, .parts = {{"cross_entropy", loss.entropy}, {"dice", loss.dice}}};
  }

  Predictions predict(models::Model& model, const data::Batch& batch) const override {
    Predictions predictions;
    predictions.pixels = vision::pixel_labels(logits_of(model, batch));
    return predictions;
  }

  std::unique_ptr<Meter> meter() const override {
    return std::make_unique<SemanticMeter>(settings_.classes);
  }

  std::string main_metric() const override { return "miou"; }
  Needs needs() const override {
    return {.annotations = {data::Annotation::kMasks, data::Annotation::kOutlines},
            .proportions = true,
            .masks = data::Masks::kClasses};
  }

 private:
  at::Tensor logits_of(models::Model& model, const data::Batch& batch) const {
    const at::Tensor logits = model.forward(model_input(model, batch.images));
    check(logits.dim() == 4 && logits.size(1) == settings_.classes + 1, ErrorCode::kInvalidConfig,
          "[tasks] ", model.options().name, " gives no map of ", settings_.classes,
          " classes and the background; expected a network such as unet_resnet34 with "
          "model.classes = ",
          settings_.classes + 1);
    return logits;
  }

  TaskSettings settings_;
};

}  // namespace

std::unique_ptr<Task> make_semantic(const TaskSettings& settings) {
  check(settings.classes < data::kVoid, ErrorCode::kInvalidConfig,
        "[tasks] semantic: a map of classes holds ", data::kVoid - 1,
        " of them beside the background, got ", settings.classes);
  return std::make_unique<Semantic>(settings);
}

}  // namespace lorae::tasks
