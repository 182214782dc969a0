#pragma once

#include "data/draw.h"
#include "tasks/task.h"

namespace lorae::tasks {

// What a model says of a picture, as marks to be drawn into it, in its pixels.

/// Shape: uint8 [H, W], 1 where the mask is.
at::Tensor pixels_of(const data::Rle& mask);

/// "cat 0.87" at its box.
data::Mark mark_of(const metrics::Found& found, const std::vector<std::string>& class_names);

/// The class of each pixel of picture `i` of a batch: 0 nothing, k class k - 1.
/// Shape: float [H, W] of the picture.
at::Tensor labels_in_picture(const Predictions& predictions,
                             const data::Batch& batch,
                             std::int64_t i);

/// A mark of each class that such a map has.
std::vector<data::Mark> marks_of_labels(const at::Tensor& labels,
                                        const std::vector<std::string>& class_names);

/// What is said of picture `i`: objects from a confidence on, best first; classes of pixels; or the
/// best class of the picture with its probability. `masks`: objects have some.
std::vector<data::Mark> marks_of(const Predictions& predictions,
                                 const data::Batch& batch,
                                 std::int64_t i,
                                 const std::vector<std::string>& class_names,
                                 bool masks,
                                 double confidence);

}  // namespace lorae::tasks
