#include "tasks/marks.h"

#include <fmt/format.h>

#include <cmath>

#include "data/rle.h"
#include "tasks/judgement.h"
#include "tensors/torch.h"

namespace lorae::tasks {
namespace {

std::vector<data::Mark> marks_of_objects(Predictions predictions,
                                         const data::Batch& batch,
                                         std::int64_t i,
                                         const std::vector<std::string>& class_names,
                                         bool masks,
                                         double confidence) {
  // Left out before their masks are made: a detector says hundreds that nobody believes.
  vision::Detections& all = predictions.objects.at(static_cast<std::size_t>(i));
  const at::Tensor sure = all.scores.gt(confidence).nonzero().squeeze(1);
  all = {all.boxes.index_select(0, sure), all.scores.index_select(0, sure),
         all.labels.index_select(0, sure), all.coefficients.index_select(0, sure)};
  std::vector<data::Mark> marks;
  for (const metrics::Found& found : found_in(predictions, batch, i, masks)) {
    marks.push_back(mark_of(found, class_names));
  }
  return marks;
}

}  // namespace

at::Tensor pixels_of(const data::Rle& mask) {
  std::vector<std::uint8_t> pixels = data::decode(mask);
  return torch::tensor(at::ArrayRef<std::uint8_t>(pixels), torch::kUInt8)
      .view({mask.height, mask.width});
}

data::Mark mark_of(const metrics::Found& found, const std::vector<std::string>& class_names) {
  return {.label = found.label,
          .text = fmt::format("{} {:.2f}", class_name(class_names, found.label), found.score),
          .box = found.box,
          .mask = found.mask.empty() ? at::Tensor() : pixels_of(found.mask)};
}

at::Tensor labels_in_picture(const Predictions& predictions,
                             const data::Batch& batch,
                             std::int64_t i) {
  const data::Placement& at = batch.placements.at(static_cast<std::size_t>(i));
  const auto pixels = [](double length) { return std::max(std::lround(length), 1L); };
  const at::Tensor inside = predictions.pixels.classes[i]
                                .cpu()
                                .narrow(0, pixels(at.top + 1) - 1,
                                        pixels(at.scale_y * static_cast<double>(at.picture.height)))
                                .narrow(1, pixels(at.left + 1) - 1,
                                        pixels(at.scale_x * static_cast<double>(at.picture.width)));
  return at::upsample_nearest2d(inside.unsqueeze(0).unsqueeze(0).to(torch::kFloat32),
                                {at.picture.height, at.picture.width})[0][0];
}

std::vector<data::Mark> marks_of_labels(const at::Tensor& labels,
                                        const std::vector<std::string>& class_names) {
  std::vector<data::Mark> marks;
  for (std::int64_t k = 0; k < std::ssize(class_names); ++k) {
    const at::Tensor own = labels.eq(k + 1);
    if (own.any().item<bool>()) {
      marks.push_back({.label = k, .text = class_name(class_names, k), .box = {}, .mask = own});
    }
  }
  return marks;
}

std::vector<data::Mark> marks_of(const Predictions& predictions,
                                 const data::Batch& batch,
                                 std::int64_t i,
                                 const std::vector<std::string>& class_names,
                                 bool masks,
                                 double confidence) {
  if (!predictions.objects.empty()) {
    return marks_of_objects(predictions, batch, i, class_names, masks, confidence);
  }
  if (predictions.pixels.classes.defined()) {
    return marks_of_labels(labels_in_picture(predictions, batch, i), class_names);
  }
  if (!predictions.scores.defined() || predictions.scores.dim() != 2) {
    return {};  // of a task that says something else
  }
  constexpr double kPercent = 100;
  const auto [share, label] = predictions.scores[i].detach().cpu().softmax(0).max(0);
  const auto best = label.item<std::int64_t>();
  return {{.label = best,
           .text = fmt::format("{} {:.0f} %", class_name(class_names, best),
                               kPercent * share.item<double>())}};
}

}  // namespace lorae::tasks
