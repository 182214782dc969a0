#include "aggregation/rules/class_means.h"

#include <algorithm>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::aggregation {
namespace {

double largest(const at::Tensor& values) {
  return values.abs().max().item<double>();
}

}  // namespace

void ClassMeans::add(const ClientUpdate& update) {
  for (const auto& [name, tensor] : update.delta) {
    const bool sound = name == head_.weight ||
                       (name == head_.bias ? tensor.ge(0) : tensor.eq(0)).all().item<bool>();
    check(sound, ErrorCode::kCorruptData, "[aggregation] '", name,
          "' holds no class sums, which this round is for: does the client know of "
          "head_start = \"class_means\"?");
  }
  sums_.add(update.delta, update.work.examples);
}

bool ClassMeans::merge(const Aggregator& part) {
  sums_.merge(dynamic_cast<const ClassMeans&>(part).sums_);
  return true;
}

Aggregate ClassMeans::finish() {
  const torch::NoGradGuard no_grad;
  Aggregate result{sums_.finish(), {}, /*whole=*/true};
  const at::Tensor weight = result.pseudo_gradient.at(head_.weight);
  const at::Tensor bias = result.pseudo_gradient.at(head_.bias);
  const at::Tensor counts = bias.clone();
  const at::Tensor seen = counts.gt(0).to(c10::kDouble);
  result.report.set("aggregation/classes_seen", seen.sum().item<double>());
  const at::Tensor means = weight / counts.where(counts > 0, torch::ones_like(counts)).unsqueeze(1);
  const at::Tensor centre = counts.matmul(means) / counts.sum().clamp_min(1e-300);
  const at::Tensor away = (means - centre) * seen.unsqueeze(1);
  const at::Tensor lengths = away.square().sum(1);
  const double unit = (lengths.sum() / seen.sum().clamp_min(1)).item<double>();
  for (const auto& [name, tensor] : result.pseudo_gradient) {
    tensor.zero_();
  }
  if (unit > 0) {
    const at::Tensor half = lengths.where(seen > 0, lengths.max()) / 2;
    const at::Tensor offset = away.matmul(centre) + half;
    const at::Tensor& old = base_.at(head_.weight);
    const double reach = largest(old) > 0 ? kMostGrowth * largest(old) : kMostOfZeros;
    const double scale =
        std::min({kSharpness / unit, reach / largest(away), kMostBias / largest(offset)});
    weight.copy_(scale * away - old);
    bias.copy_(-scale * offset - base_.at(head_.bias));
  }
  return result;
}

}  // namespace lorae::aggregation
