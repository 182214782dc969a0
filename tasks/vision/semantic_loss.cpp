#include "tasks/vision/semantic_loss.h"

#include <array>

#include "base/error.h"
#include "data/dataset.h"
#include "tensors/torch.h"

namespace lorae::tasks::vision {
namespace {

constexpr double kEpsilon = 1e-7;

/// [N, C, H, W] probabilities, truths of 0 or 1, and how far the pixels' entropies sum.
struct Compared {
  at::Tensor probabilities, truths, entropies;
};

/// `counted`: [N, H, W] of 0 or 1; `labels`: int64, 0 where nothing counts.
Compared compared(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& counted) {
  if (logits.size(1) == 1) {
    const at::Tensor truths = labels.gt(0).to(logits.scalar_type()).unsqueeze(1);
    const at::Tensor entropies = at::binary_cross_entropy_with_logits(
        logits, truths, /*weight=*/{}, /*pos_weight=*/{}, at::Reduction::None);
    return {logits.sigmoid(), truths, (entropies.squeeze(1) * counted).sum()};
  }
  const at::Tensor logs = logits.log_softmax(1);
  const at::Tensor truths = at::zeros_like(logs).scatter_(1, labels.unsqueeze(1), 1);
  const at::Tensor own = logs.gather(1, labels.unsqueeze(1)).squeeze(1);
  return {logs.exp(), truths, -(own * counted).sum()};
}

}  // namespace

SemanticLoss semantic_loss(const at::Tensor& given,
                           const at::Tensor& masks,
                           const SemanticLossOptions& options) {
  check(given.dim() == 4 && masks.dim() == 3 && given.size(0) == masks.size(0) &&
            given.size(2) == masks.size(1) && given.size(3) == masks.size(2),
        ErrorCode::kInvalidArgument, "[tasks] semantic_loss: masks ", masks.sizes(),
        " do not fit logits ", given.sizes());
  const bool half = given.scalar_type() == at::kHalf || given.scalar_type() == at::kBFloat16;
  const at::Tensor logits = half ? given.to(at::kFloat) : given;
  const at::Tensor here = masks.to(logits.device(), /*non_blocking=*/true);
  const at::Tensor counts = here.ne(data::kVoid);
  const at::Tensor counted = counts.to(logits.scalar_type());
  const at::Tensor labels = here.to(at::kLong) * counts;
  const auto [probabilities, truths, entropies] = compared(logits, labels, counted);

  const at::Tensor entropy = entropies / counted.sum().clamp_min(1) * options.entropy_weight;
  constexpr std::array<std::int64_t, 3> kAxes = {0, 2, 3};
  const at::Tensor shown = truths * counted.unsqueeze(1);
  const at::Tensor both = (probabilities * shown).sum(kAxes);
  const at::Tensor all = ((probabilities + truths) * counted.unsqueeze(1)).sum(kAxes);
  const at::Tensor there = shown.sum(kAxes).gt(0).to(logits.scalar_type());
  const at::Tensor dice =
      ((1 - 2 * both / all.clamp_min(kEpsilon)) * there).mean() * options.dice_weight;
  return {entropy + dice, entropy.detach(), dice.detach()};
}

PixelLabels pixel_labels(const at::Tensor& logits) {
  const torch::NoGradGuard no_grad;
  if (logits.size(1) == 1) {
    const at::Tensor p = logits.squeeze(1).sigmoid();
    const at::Tensor shown = p.gt(0.5);
    return {shown.to(at::kByte), at::where(shown, p, 1 - p).to(at::kFloat)};
  }
  const auto [scores, classes] = logits.softmax(1).max(1);
  return {classes.to(at::kByte), scores.to(at::kFloat)};
}

}  // namespace lorae::tasks::vision
