#pragma once

#include "tasks/task.h"

namespace lorae::tasks {

/// One label per image.
/// Loss: the mean cross-entropy, of labels smoothed by TaskSettings::label_smoothing.
/// Metrics: "top1" and "top5", the fractions of images whose label has the largest logit, or one of
/// the five largest (absent with fewer than six classes); "loss", the mean cross-entropy of the
/// labels as they are. Per class: "top1".
/// Source: label smoothing, Szegedy et al. 2016 (arXiv:1512.00567).
std::unique_ptr<Task> make_classification(const TaskSettings& settings);

}  // namespace lorae::tasks
