#pragma once

#include "models/layers/network.h"
#include "models/nets/faster_rcnn/faster_rcnn.h"

// The parts of Faster R-CNN, for its own files.
namespace lorae::models::rcnn {

inline constexpr std::int64_t kWidth = 256;  // channels of the pyramid
inline constexpr std::size_t kLevels = 4;    // of the pyramid; a fifth is subsampled for proposals

struct Size {
  std::int64_t height = 0, width = 0;
};

/// Images as the network sees them: normalised, scaled, in one padded batch.
struct Batch {
  at::Tensor images;  ///< [N, 3, H, W]
  Size padded;
  std::vector<Size> sizes;      ///< of each image, scaled
  std::vector<Size> originals;  ///< of each image as it came
};

Batch prepared(const std::vector<at::Tensor>& images, const FasterRcnnOptions& options);

/// How much longer the sides of an image became, x and y: in single precision, as the reference's.
struct Factors {
  double x = 1, y = 1;
};
Factors factors(const Size& from, const Size& to);

/// A convolution with a bias.
Conv2dOptions biased(std::int64_t in, std::int64_t out, std::int64_t kernel, ConvInit init);

/// The region proposal network: an objectness and a box for each anchor.
class Proposer final : public Layer {
 public:
  Proposer();

  struct Level {
    at::Tensor anchors;      ///< [A, 4]
    at::Tensor objectness;   ///< [N, A], logits
    at::Tensor regressions;  ///< [N, A, 4]
  };
  std::vector<Level> forward(const std::vector<at::Tensor>& maps, const Batch& batch);

  /// Regions that may hold an object, [n, 4] for each image, best first. Without a gradient.
  static std::vector<at::Tensor> proposals(const std::vector<Level>& levels,
                                           const Batch& batch,
                                           std::int64_t most);

  struct Losses {
    at::Tensor objectness, boxes;
  };
  /// `targets` in pixels of the scaled images.
  static Losses losses(const std::vector<Level>& levels,
                       const std::vector<Objects>& targets,
                       const SampleOptions& options,
                       Seed seed);

 private:
  Conv& conv_;
  Conv& objectness_;
  Conv& boxes_;
};

/// Class and box of each proposal.
class Refiner final : public Layer {
 public:
  explicit Refiner(std::int64_t classes);

  struct Refined {
    at::Tensor logits;       ///< [n, classes]
    at::Tensor regressions;  ///< [n, classes, 4]
  };
  /// `proposals` per image; rows of the result are theirs, image by image.
  Refined forward(const std::vector<at::Tensor>& maps, const std::vector<at::Tensor>& proposals);

  /// The best detections of one image, in pixels of the scaled image.
  static Detections detections(const Refined& refined,
                               const at::Tensor& proposals,
                               const Size& size,
                               double threshold);

  struct Losses {
    at::Tensor classes, boxes;
  };
  /// `targets` in pixels of the scaled images.
  Losses losses(const std::vector<at::Tensor>& maps,
                const std::vector<at::Tensor>& proposals,
                const std::vector<Objects>& targets,
                const SampleOptions& options,
                Seed seed);

 private:
  Linear& fc6_;
  Linear& fc7_;
  Linear& scores_;
  Linear& boxes_;
};

}  // namespace lorae::models::rcnn
