#include "tasks/classification.h"

#include <algorithm>

#include "tensors/torch.h"

namespace lorae::tasks {
namespace {

constexpr std::int64_t kEvaluationBatch = 200;  // bounds the memory of activations

}  // namespace

at::Tensor model_input(const models::Model& model, const at::Tensor& images) {
  const auto channels = static_cast<std::size_t>(images.size(1));
  return data::normalised(images, std::vector<double>(channels, model.options().mean),
                          std::vector<double>(channels, model.options().standard_deviation));
}

at::Tensor classification_loss(const at::Tensor& logits, const at::Tensor& labels) {
  return at::cross_entropy_loss(logits, labels);
}

Metrics evaluate(models::Model& model, const data::ImageSet& images, const std::stop_token& stop) {
  const torch::NoGradGuard no_grad;
  const std::int64_t size = images.size();
  std::int64_t correct = 0;
  double loss = 0;
  for (std::int64_t start = 0; start < size && !stop.stop_requested(); start += kEvaluationBatch) {
    const std::int64_t end = std::min(start + kEvaluationBatch, size);
    const at::Tensor labels = images.labels.slice(0, start, end);
    const at::Tensor logits = model.forward(model_input(model, images.images.slice(0, start, end)));
    correct += logits.argmax(1).eq(labels).sum().item<std::int64_t>();
    loss += classification_loss(logits, labels).item<double>() * static_cast<double>(end - start);
  }
  if (size == 0) {
    return {};
  }
  return {{"top1", static_cast<double>(correct) / static_cast<double>(size)},
          {"loss", loss / static_cast<double>(size)}};
}

}  // namespace lorae::tasks
