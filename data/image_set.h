#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "data/halves.h"

namespace lorae::data {

/// The size of one image; streams as "1x28x28".
struct ImageShape {
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;

  bool operator==(const ImageShape&) const = default;
};

std::ostream& operator<<(std::ostream& out, const ImageShape& shape);

/// Labelled images of one size, in memory, as a value. Copies share the pixels: nothing in this
/// folder writes to them after loading.
struct ImageSet {
  at::Tensor images;                 ///< uint8 [N, C, H, W], contiguous, on the CPU; RGB or grey.
  at::Tensor labels;                 ///< int64 [N], each in [0, classes.size()).
  std::vector<std::string> classes;  ///< the name of each label

  std::int64_t size() const;

  ImageShape shape() const;

  /// The images at `indices`, in that order; repeats are allowed. Copies the pixels.
  /// Errors: kInvalidArgument if an index is outside [0, size()).
  ImageSet select(const std::vector<std::int64_t>& indices) const;

  /// The same images under a run's class names. `labels_of`: as match_classes gives it.
  /// Errors: kInvalidArgument unless it has an entry for each class.
  ImageSet relabelled(const std::vector<std::int64_t>& labels_of,
                      std::vector<std::string> names) const;
};

/// How many images each class has. Shape: one entry per class.
/// Errors: kInvalidArgument if a label is no class.
std::vector<std::int64_t> class_histogram(const ImageSet& set);

/// What a model sees. Formula: (x / 255 - mean[c]) / std[c], per channel c.
/// One entry of `mean` or `std` is for all channels.
/// Shape: uint8 [N, C, H, W] -> float32 [N, C, H, W], on the same device.
/// Errors: kInvalidArgument if the tensor is not that, if `mean` and `std` do not have one entry or
///         one per channel, or if an entry of `std` is not positive.
at::Tensor normalised(const at::Tensor& uint8_images,
                      const std::vector<double>& mean,
                      const std::vector<double>& std);

/// The same images seen in another world: each turned a quarter counter-clockwise and inverted
/// (255 - x). A model that learned `set` guesses here, so there is something to adapt to.
/// Shape: [N, C, H, W] -> [N, C, W, H].
ImageSet shifted_domain(const ImageSet& set);

}  // namespace lorae::data
