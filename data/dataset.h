#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/named.h"
#include "data/image_set.h"
#include "data/objects.h"

namespace lorae::data {

/// One picture and what is known of it.
struct Sample {
  at::Tensor image;         ///< uint8 [H, W, C], on the CPU, RGB or grey; not to be written to
  std::int64_t label = -1;  ///< as Dataset::label
  std::vector<Object> objects = {};
  /// uint8 [H, W]: what each pixel shows, 0 nothing, k class k - 1, kVoid not counted; undefined if
  /// the set has no masks.
  at::Tensor mask = {};
};

/// Labelled pictures, wherever they are: nothing is decoded before `get`.
/// Threads: all members may be called from any thread at once.
class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual std::int64_t size() const = 0;
  /// The name of each label.
  virtual const std::vector<std::string>& classes() const = 0;
  /// What is known without decoding; for partitions. Of objects or masks: the class that the
  /// picture shows most, -1 if it shows none.
  virtual std::int64_t label(std::int64_t index) const = 0;

  virtual Annotation annotation() const { return Annotation::kClass; }
  /// Without decoding the picture; empty if there are none, or if the set has classes or masks
  /// only.
  virtual std::vector<Object> objects(std::int64_t /*index*/) const { return {}; }
  /// Without decoding more than the file's head; nullopt if the set does not know it.
  /// Errors: kCorruptData, naming the file.
  virtual std::optional<PictureSize> picture_size(std::int64_t /*index*/) const {
    return std::nullopt;
  }
  /// To which natural group a picture belongs ("ethz_1", "VOC2007", a sub-folder), for partitions
  /// by domain; empty if the set knows none.
  virtual std::string domain(std::int64_t /*index*/) const { return {}; }

  /// Errors: kCorruptData, naming the file, for a picture that cannot be decoded.
  virtual Sample get(std::int64_t index) const = 0;
  /// The picture as a person would find it again: a file's path, or "image 17".
  virtual std::string name(std::int64_t index) const = 0;

  /// The pictures as one tensor if all lie in memory in one size, else nullptr: batches are cut
  /// out of it without a copy per picture.
  virtual const ImageSet* in_memory() const { return nullptr; }
};

using DatasetPtr = std::shared_ptr<const Dataset>;

/// A set of pictures that lies in memory.
DatasetPtr memory_dataset(ImageSet images);

/// The pictures at `indices`, in that order; repeats are allowed. Of a set in memory the pixels are
/// copied, else nothing is.
/// Errors: kInvalidArgument if an index is outside [0, size()).
DatasetPtr subset(DatasetPtr from, std::vector<std::int64_t> indices);

/// The same pictures under a run's class names. `labels_of`: as match_classes gives it.
/// Errors: kInvalidArgument unless it has an entry for each class.
DatasetPtr relabelled(DatasetPtr from,
                      std::vector<std::int64_t> labels_of,
                      std::vector<std::string> names);

/// The labels of all pictures, without decoding any.
std::vector<std::int64_t> labels_of(const Dataset& set);

/// How many of the pictures at `indices` each class has. Shape: one entry per class.
std::vector<std::int64_t> class_histogram(const Dataset& set,
                                          std::span<const std::int64_t> indices);

}  // namespace lorae::data

namespace lorae {
template <>
inline constexpr std::array<std::string_view, 4> kNames<data::Annotation> = {
    "a class per picture", "boxes", "outlines", "masks"};
}  // namespace lorae
