#pragma once

#include <array>

#include "models/nets/yolo/blocks.h"

namespace lorae::models::yolo {

/// Strides of the three maps that a detector looks at.
inline constexpr std::array<std::int64_t, 3> kStrides = {8, 16, 32};
inline constexpr std::int64_t kRegMax = 16;            ///< bins of each side's distance
inline constexpr std::int64_t kMaskCoefficients = 32;  ///< of a segmentation model

struct HeadOptions {
  std::int64_t classes = 80;
  std::vector<std::int64_t> channels;  ///< of P3, P4, P5
  bool depthwise_classes = false;      ///< YOLO11
  std::int64_t proto_channels = 0;     ///< positive: a segmentation head
};

/// What a head gives in training.
struct HeadMaps {
  std::vector<at::Tensor> raw;  ///< P3, P4, P5: [N, 64 + classes, H, W]; box bins l, t, r, b first
  at::Tensor coefficients;      ///< [N, 32, A], or undefined
  at::Tensor proto;             ///< [N, 32, H/4, W/4] of the image's, or undefined
};

/// The anchor-free head of YOLOv8, v5u and 11: distances to the four sides as distributions over 16
/// bins, class scores; for segmentation also 32 mask coefficients and prototypes.
/// Source: distribution focal loss, Li et al. 2020 (arXiv:2006.04388).
class Head final : public Layer {
 public:
  Head(const HeadOptions& options, NormOptions norm);
  ~Head() override;

  HeadMaps forward(const std::vector<at::Tensor>& features);

  /// Boxes (centre x, y, width, height in pixels), class probabilities, then coefficients.
  /// Shape: [N, 4 + classes (+ 32), A], anchors level by level in row-major order.
  at::Tensor decode(const HeadMaps& maps) const;

  /// The names of the last layer of each branch, within the head: "cv2.0.2" ...
  std::vector<std::string> last() const;

  /// Class biases start at the prior of five objects in an image of 640 x 640.
  void initialise(const std::string& name, Seed seed) override;

 private:
  class Branch;
  class Dfl;
  class Proto;

  std::int64_t classes_;
  std::vector<Branch*> boxes_, scores_, masks_;
  Dfl* dfl_ = nullptr;
  Proto* proto_ = nullptr;
};

/// Convolution to 1280 channels, global average, linear. Shape: [N, classes] logits out.
class Classify final : public Block {
 public:
  Classify(std::int64_t in, std::int64_t classes, NormOptions norm);
  at::Tensor forward(const at::Tensor& x) override;

 private:
  ConvBlock& conv_;
  Linear& linear_;
};

}  // namespace lorae::models::yolo
