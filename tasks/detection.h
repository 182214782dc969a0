#pragma once

#include "tasks/task.h"

namespace lorae::tasks {

/// Objects and the boxes around them. Metrics: precision, recall (at the confidence of the best
/// F1), map50, map50_95. Networks: the YOLO families, Faster R-CNN.
std::unique_ptr<Task> make_detection(const TaskSettings& settings);

/// Objects, their boxes and their masks. Metrics: those of detection, and mask_precision,
/// mask_recall, mask_map50, mask_map50_95. Networks: YOLO's "-seg".
std::unique_ptr<Task> make_segmentation(const TaskSettings& settings);

}  // namespace lorae::tasks
