#include "tasks/classification.h"

#include <map>
#include <numeric>

#include "tensors/torch.h"

namespace lorae::tasks {
namespace {

constexpr std::int64_t kTop = 5;

class ClassificationMeter final : public Meter {
 public:
  explicit ClassificationMeter(std::int64_t classes)
      : images_(static_cast<std::size_t>(classes)), correct_(images_.size()) {}

  void add(const Predictions& predictions, const data::Batch& batch) override {
    const at::Tensor logits = predictions.scores.detach().cpu();
    const at::Tensor found = logits.argmax(1).contiguous();
    const std::int64_t* taken = found.data_ptr<std::int64_t>();
    const std::int64_t* label = batch.labels.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      ++images_.at(static_cast<std::size_t>(label[i]));
      correct_.at(static_cast<std::size_t>(label[i])) += taken[i] == label[i] ? 1 : 0;
      ++taken_[{taken[i], label[i]}];
    }
    loss_ += at::cross_entropy_loss(logits, batch.labels).item<double>() *
             static_cast<double>(batch.size());
    if (has_top5()) {
      const at::Tensor best = std::get<1>(logits.topk(kTop, 1));
      in_top5_ += best.eq(batch.labels.unsqueeze(1)).sum().item<std::int64_t>();
    }
  }

  Metrics result() const override {
    const auto images = static_cast<double>(sum(images_));
    if (images == 0) {
      return {};
    }
    Metrics metrics{{"top1", static_cast<double>(sum(correct_)) / images}};
    if (has_top5()) {
      metrics.set("top5", static_cast<double>(in_top5_) / images);
    }
    metrics.set("loss", loss_ / images);
    return metrics;
  }

  std::vector<ClassResult> per_class() const override {
    std::vector<ClassResult> results;
    for (std::size_t i = 0; i < images_.size(); ++i) {
      ClassResult result{static_cast<std::int64_t>(i), images_[i], {}};
      if (images_[i] > 0) {
        result.metrics.set("top1",
                           static_cast<double>(correct_[i]) / static_cast<double>(images_[i]));
      }
      results.push_back(std::move(result));
    }
    return results;
  }

  Figures figures() const override {
    Figures figures;
    figures.confusion =
        Confusion{.counted = "pictures", .classes = std::ssize(images_), .pairs = {}};
    for (const auto& [pair, count] : taken_) {
      figures.confusion->pairs.push_back({pair.first, pair.second, count});
    }
    return figures;
  }

 private:
  static std::int64_t sum(const std::vector<std::int64_t>& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  }
  bool has_top5() const { return std::ssize(images_) > kTop; }

  std::vector<std::int64_t> images_, correct_;                           // by class
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> taken_;  // found, truth -> pictures
  std::int64_t in_top5_ = 0;
  double loss_ = 0;
};

class Classification final : public Task {
 public:
  explicit Classification(const TaskSettings& settings) : settings_(settings) {}

  Loss loss(models::Model& model, const data::Batch& batch) const override {
    const at::Tensor logits = model.forward(model_input(model, batch.images));
    return {at::cross_entropy_loss(logits, batch.labels.to(logits.device(), /*non_blocking=*/true),
                                   {}, at::Reduction::Mean, -100, settings_.label_smoothing)};
  }

  Predictions predict(models::Model& model, const data::Batch& batch) const override {
    return {model.forward(model_input(model, batch.images))};
  }

  std::unique_ptr<Meter> meter() const override {
    return std::make_unique<ClassificationMeter>(settings_.classes);
  }

  std::string main_metric() const override { return "top1"; }

 private:
  TaskSettings settings_;
};

}  // namespace

std::unique_ptr<Task> make_classification(const TaskSettings& settings) {
  return std::make_unique<Classification>(settings);
}

}  // namespace lorae::tasks
