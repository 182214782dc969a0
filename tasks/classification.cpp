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

double accuracy(models::Model& model, const data::ImageSet& images) {
  const torch::NoGradGuard no_grad;
  std::int64_t correct = 0;
  for (std::int64_t start = 0; start < images.size(); start += kEvaluationBatch) {
    const std::int64_t end = std::min(start + kEvaluationBatch, images.size());
    const at::Tensor logits = model.forward(model_input(model, images.images.slice(0, start, end)));
    correct += logits.argmax(1).eq(images.labels.slice(0, start, end)).sum().item<std::int64_t>();
  }
  return images.size() == 0 ? 0.0
                            : static_cast<double>(correct) / static_cast<double>(images.size());
}

}  // namespace lorae::tasks
