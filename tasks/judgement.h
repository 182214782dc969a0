#pragma once

#include "tasks/task.h"

namespace lorae::tasks {

/// What was found in picture `i` of a batch, beside what it shows: boxes in pixels of the picture.
/// `masks`: Ultralytics: at a quarter of the batch's resolution, where an object hides what lies
/// under it; by the other protocols in pixels of the picture.
metrics::Judgement judgement_of(const Predictions& predictions,
                                const data::Batch& batch,
                                std::int64_t i,
                                metrics::Protocol protocol,
                                bool masks);

/// What was found in picture `i`, in its pixels; with `masks` those, too.
std::vector<metrics::Found> found_in(const Predictions& predictions,
                                     const data::Batch& batch,
                                     std::int64_t i,
                                     bool masks);

}  // namespace lorae::tasks
