#pragma once

#include <ATen/core/Tensor.h>

#include <stop_token>

#include "base/metrics.h"
#include "data/image_set.h"
#include "models/model.h"

namespace lorae::tasks {

/// Images as a model takes them: scaled to [0, 1], then normalised by the model's mean and
/// standard deviation. Shape: [N, C, H, W] uint8 in, float32 out.
at::Tensor model_input(const models::Model& model, const at::Tensor& images);

/// Mean cross-entropy. Shape: [N, classes] logits, [N] int64 labels; a scalar out.
at::Tensor classification_loss(const at::Tensor& logits, const at::Tensor& labels);

/// "top1", the fraction of images whose largest logit is their label, and "loss", the mean
/// cross-entropy; nothing without images. Gives up, with any result, when a stop is requested.
Metrics evaluate(models::Model& model,
                 const data::ImageSet& images,
                 const std::stop_token& stop = {});

}  // namespace lorae::tasks
