#include "tasks/detection.h"

#include "base/error.h"
#include "models/nets/faster_rcnn/faster_rcnn.h"
#include "models/nets/yolo/yolo.h"
#include "tasks/detection_meter.h"
#include "tasks/vision/yolo_loss.h"
#include "tensors/torch.h"

namespace lorae::tasks {
namespace {

using models::FasterRcnn;
using models::yolo::Detector;

/// All objects of a batch, in pixels of its images.
vision::Targets targets_of(const data::Batch& batch) {
  std::vector<double> boxes;
  std::vector<std::int64_t> labels, images;
  const auto height = static_cast<double>(batch.images.size(2));
  const auto width = static_cast<double>(batch.images.size(3));
  for (std::size_t image = 0; image < batch.objects.size(); ++image) {
    for (const data::Object& object : batch.objects[image]) {
      const data::Box& box = object.box;
      boxes.insert(boxes.end(), {box.x1 * width, box.y1 * height, box.x2 * width, box.y2 * height});
      labels.push_back(object.label);
      images.push_back(static_cast<std::int64_t>(image));
    }
  }
  return {.boxes = torch::tensor(boxes, torch::kFloat64).view({-1, 4}),
          .labels = torch::tensor(labels, torch::kInt64),
          .images = torch::tensor(images, torch::kInt64)};
}

/// The losses of a YOLO, whose images are in pixels of the batch.
Loss yolo_losses(Detector& detector,
                 const at::Tensor& images,
                 const data::Batch& batch,
                 const TaskSettings& settings,
                 bool masks) {
  const vision::YoloLossOptions options{.box_gain = settings.box_gain,
                                        .class_gain = settings.class_gain,
                                        .dfl_gain = settings.dfl_gain};
  const vision::MaskTargets outlines{.masks = batch.masks, .joined = true};
  const vision::YoloLoss loss = vision::yolo_loss(detector.maps(images), targets_of(batch), options,
                                                  masks ? &outlines : nullptr);
  Loss result{.total = loss.total / static_cast<double>(batch.size()),
              .parts = {{"box", loss.box}}};
  if (masks) {
    result.parts.emplace_back("mask", loss.masks);
  }
  result.parts.emplace_back("class", loss.classes);
  result.parts.emplace_back("dfl", loss.dfl);
  return result;
}

/// Images come in frames of the size that is wanted: only those beyond the reference's are scaled.
void keep_size(FasterRcnn& network, const at::Tensor& images) {
  const std::int64_t shorter = std::min(images.size(2), images.size(3));
  network.set_min_size(std::min(shorter, models::FasterRcnnOptions{}.min_size));
}

Loss rcnn_losses(FasterRcnn& network, const at::Tensor& images, const data::Batch& batch) {
  keep_size(network, images);
  const vision::Targets all = targets_of(batch);
  std::vector<models::rcnn::Objects> targets;
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    const at::Tensor own = all.images.eq(i).nonzero().squeeze(1);
    targets.push_back({all.boxes.index_select(0, own).to(images.options()),
                       all.labels.index_select(0, own).add(1).to(images.device())});
  }
  const models::FasterRcnnLosses loss = network.losses(images.unbind(0), targets, network.noise);
  return {.total = loss.objectness + loss.proposals + loss.classes + loss.boxes,
          .parts = {{"objectness", loss.objectness.detach()},
                    {"proposals", loss.proposals.detach()},
                    {"class", loss.classes.detach()},
                    {"box", loss.boxes.detach()}}};
}

std::vector<vision::Detections> rcnn_detections(FasterRcnn& network,
                                                const at::Tensor& images,
                                                const vision::KeepOptions& keep) {
  keep_size(network, images);
  std::vector<vision::Detections> all;
  for (const models::Detections& found : network.detect(images.unbind(0))) {
    const at::Tensor sure =
        found.scores.gt(keep.confidence).nonzero().squeeze(1).slice(0, 0, keep.most);
    const at::Tensor no_masks = torch::zeros({sure.size(0), 0}, found.boxes.options());
    all.push_back({found.boxes.index_select(0, sure), found.scores.index_select(0, sure),
                   found.labels.index_select(0, sure).sub(1), no_masks});
  }
  return all;
}

[[noreturn]] void refuse(const models::Model& model) {
  fail(ErrorCode::kInvalidConfig, "[tasks] ", model.options().name,
       " finds no objects: expected a detector, such as yolov8n");
}

class Detection final : public Task {
 public:
  Detection(const TaskSettings& settings, bool masks) : settings_(settings), masks_(masks) {}

  Loss loss(models::Model& model, const data::Batch& batch) const override {
    const at::Tensor images = model_input(model, batch.images);
    models::Network& network = model.network();
    if (auto* yolo = dynamic_cast<Detector*>(&network)) {
      return yolo_losses(*yolo, images, batch, settings_, masks_);
    }
    if (auto* rcnn = dynamic_cast<FasterRcnn*>(&network)) {
      return rcnn_losses(*rcnn, images, batch);
    }
    refuse(model);
  }

  Predictions predict(models::Model& model, const data::Batch& batch) const override {
    const at::Tensor images = model_input(model, batch.images);
    const vision::KeepOptions& keep = settings_.judge.keep;
    Predictions predictions;
    models::Network& network = model.network();
    if (auto* yolo = dynamic_cast<Detector*>(&network)) {
      const auto outputs = yolo->predict(images);
      predictions.objects = vision::kept_detections(outputs[0].value, settings_.classes, keep);
      if (masks_) {
        predictions.prototypes = outputs.at(1).value.cpu();
      }
    } else if (auto* rcnn = dynamic_cast<FasterRcnn*>(&network)) {
      predictions.objects = rcnn_detections(*rcnn, images, keep);
    } else {
      refuse(model);
    }
    for (vision::Detections& found : predictions.objects) {
      found = found.to(at::kCPU);
    }
    return predictions;
  }

  std::unique_ptr<Meter> meter() const override {
    return std::make_unique<DetectionMeter>(settings_.judge.protocol, settings_.classes, masks_);
  }

  std::string main_metric() const override { return masks_ ? "mask_map50_95" : "map50_95"; }
  Needs needs() const override {
    using data::Annotation;
    return {.annotations = masks_ ? std::vector{Annotation::kOutlines}
                                  : std::vector{Annotation::kBoxes, Annotation::kOutlines},
            .proportions = true,
            .masks = masks_ ? data::Masks::kInstances : data::Masks::kNone};
  }

 private:
  TaskSettings settings_;
  bool masks_;
};

}  // namespace

std::unique_ptr<Task> make_detection(const TaskSettings& settings) {
  return std::make_unique<Detection>(settings, false);
}

std::unique_ptr<Task> make_segmentation(const TaskSettings& settings) {
  return std::make_unique<Detection>(settings, true);
}

}  // namespace lorae::tasks
