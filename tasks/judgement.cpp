#include "tasks/judgement.h"

#include "base/error.h"
#include "tasks/vision/judged.h"
#include "tensors/torch.h"

namespace lorae::tasks {
namespace {

const data::Placement& placement_of(const data::Batch& batch, std::int64_t i) {
  check(std::ssize(batch.placements) > i, ErrorCode::kInvalidArgument,
        "[tasks] the batch does not say where its pictures lie");
  return batch.placements[static_cast<std::size_t>(i)];
}

/// Objects of picture `i`, in fractions of the picture instead of the batch's image.
std::vector<data::Object> objects_in_picture(const data::Batch& batch, std::int64_t i) {
  const data::Placement& at = placement_of(batch, i);
  const double width = at.scale_x * static_cast<double>(at.picture.width);
  const double height = at.scale_y * static_cast<double>(at.picture.height);
  std::vector<data::Object> objects = batch.objects.at(static_cast<std::size_t>(i));
  for (data::Object& object : objects) {
    object = data::moved(std::move(object), static_cast<double>(batch.frame.width) / width,
                         static_cast<double>(batch.frame.height) / height, -at.left / width,
                         -at.top / height);
  }
  return objects;
}

std::vector<metrics::Found> found_as(const Predictions& predictions,
                                     const data::Batch& batch,
                                     std::int64_t i,
                                     bool masks,
                                     bool native) {
  const data::Placement& at = placement_of(batch, i);
  const vision::Detections& objects = predictions.objects.at(static_cast<std::size_t>(i));
  const at::Tensor boxes = vision::in_picture(objects.boxes, at);
  std::vector<metrics::Rle> runs;
  if (masks && boxes.size(0) > 0) {
    const at::Tensor proto = predictions.prototypes[i];
    runs = native ? vision::runs_in_picture(objects.coefficients, proto, boxes, at.picture)
                  : vision::runs_of(vision::masks_at_prototypes(objects.coefficients, proto,
                                                                objects.boxes, batch.frame));
  }
  return vision::found_of({boxes, objects.scores, objects.labels, {}}, std::move(runs));
}

}  // namespace

metrics::Judgement judgement_of(const Predictions& predictions,
                                const data::Batch& batch,
                                std::int64_t i,
                                metrics::Protocol protocol,
                                bool masks) {
  const bool native = protocol != metrics::Protocol::kUltralytics;
  metrics::Judgement judgement{
      .found = found_as(predictions, batch, i, masks, native),
      .truths = vision::truths_of(objects_in_picture(batch, i), placement_of(batch, i).picture,
                                  masks && native)};
  if (masks && !native && !judgement.truths.empty()) {
    const at::Tensor k =
        torch::arange(1, std::ssize(judgement.truths) + 1, batch.masks.options()).view({-1, 1, 1});
    std::vector<metrics::Rle> runs = vision::runs_of(batch.masks[i].unsqueeze(0).eq(k));
    for (std::size_t object = 0; object < runs.size(); ++object) {
      judgement.truths[object].mask = std::move(runs[object]);
    }
  }
  return judgement;
}

std::vector<metrics::Found> found_in(const Predictions& predictions,
                                     const data::Batch& batch,
                                     std::int64_t i,
                                     bool masks) {
  return found_as(predictions, batch, i, masks, true);
}

}  // namespace lorae::tasks
