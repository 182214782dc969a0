#pragma once

#include <memory>
#include <optional>

#include "base/seed.h"
#include "data/preparation.h"

namespace lorae::data {

/// Which masks batches hold.
enum class Masks { kNone, kInstances, kClasses };

/// Pixels of the image per pixel of an instance map, on each side.
inline constexpr std::int64_t kInstanceRatio = 4;

/// What a model sees in one step.
struct Batch {
  at::Tensor images;                              ///< uint8 [N, C, H, W]
  at::Tensor labels;                              ///< int64 [N]; -1: the picture shows nothing
  std::vector<std::int64_t> indices;              ///< of the data set
  PictureSize frame = {};                         ///< of the images
  std::vector<std::vector<Object>> objects = {};  ///< of each picture, in fractions of the image
  std::vector<Placement> placements = {};         ///< of each picture, unless it was stretched
  /// Instances: int16 [N, H / 4, W / 4], k where objects[.][k - 1] is. Classes: uint8 [N, H, W], as
  /// Sample::mask, kVoid around the picture. Undefined for kNone.
  at::Tensor masks = {};

  std::int64_t size() const { return std::ssize(indices); }
};

struct LoaderOptions {
  ImageShape shape;  ///< of the batches; pictures are fitted to it
  std::int64_t batch_size = 32;
  bool shuffle = true;
  std::int64_t workers = 0;  ///< threads that decode ahead; 0: `next` decodes
  Preparation prepare = {};  ///< of each picture; empty: it is stretched
  Masks masks = Masks::kNone;
  /// Batches of pictures of like proportions, in frames of these: multiples of 32, about `shape`'s
  /// longer side. For sets that know the sizes of their pictures; not shuffled.
  bool rectangular = false;
  bool pinned = false;  ///< batches lie where a GPU fetches them without waiting
};

/// Batches of a data set, epoch after epoch. What is in them is a function of data set, options,
/// seed and epoch alone, however many workers decode.
/// Units: holds the pictures of at most 2 workers + 1 batches. Threads: none; it has its own.
class Loader {
 public:
  Loader(DatasetPtr set, LoaderOptions options, Seed seed);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Begins epoch `epoch` at its batch `first`; what was left of another one is dropped.
  void start(std::int64_t epoch, std::int64_t first = 0);

  /// The next batch of the epoch, the last one smaller than the others; nullopt at its end.
  /// Errors: a picture's, when its batch is asked for.
  std::optional<Batch> next();

  std::int64_t batches() const;  ///< of an epoch
  std::int64_t images() const { return set_->size(); }
  const LoaderOptions& options() const { return options_; }

 private:
  class Ahead;

  Batch make(std::int64_t batch) const;
  Example example(std::int64_t index, PictureSize frame) const;
  void arrange();
  PictureSize frame(std::int64_t begin, std::int64_t end) const;

  DatasetPtr set_;
  LoaderOptions options_;
  Seed seed_;
  std::int64_t epoch_ = 0;
  std::int64_t next_ = 0;  // batch to be given out
  std::vector<std::int64_t> order_;
  std::vector<double> aspects_;  // height / width by index, if frames are rectangular
  std::unique_ptr<Ahead> ahead_;
};

}  // namespace lorae::data
