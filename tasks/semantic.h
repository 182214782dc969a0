#pragma once

#include "tasks/task.h"

namespace lorae::tasks {

/// What each pixel shows. Metrics: miou, pixel_accuracy. Networks: U-Net, DeepLab, with one output
/// more than there are classes; output 0 is the background.
std::unique_ptr<Task> make_semantic(const TaskSettings& settings);

}  // namespace lorae::tasks
