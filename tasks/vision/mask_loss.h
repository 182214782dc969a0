#pragma once

#include "data/dataset.h"
#include "tasks/vision/yolo_loss.h"

namespace lorae::tasks::vision {

/// How well the masks of positive anchors fit the objects that they learn.
/// Formula: mask logits are coefficients . prototypes. Each positive: binary cross-entropy, summed
/// over the pixels of the object's box, / (h w) of the whole map / the box's share of the image;
/// the mean over positives, 0 without any. Masks of another resolution are read at the nearest
/// pixel.
/// Shape: coefficients [N, k, A], proto [N, k, h, w] in; a scalar out. `image`: of the batch.
/// Its gradients are computed in the forward pass, some masks at once: no map is kept.
/// Errors: kInvalidArgument for masks that do not fit the batch.
/// Source: Bolya et al. 2019, "YOLACT" (arXiv:1904.02689), section 3.1; the division by the box's
/// share as in the reference.
at::Tensor mask_loss(const at::Tensor& coefficients,
                     const at::Tensor& proto,
                     const Assignment& assignment,
                     const Targets& targets,
                     const MaskTargets& masks,
                     const data::PictureSize& image);

}  // namespace lorae::tasks::vision
