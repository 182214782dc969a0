#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/seed.h"
#include "data/dataset.h"

namespace lorae::data {

/// What a model sees in one step.
struct Batch {
  at::Tensor images;                  ///< uint8 [N, C, H, W]
  at::Tensor labels;                  ///< int64 [N]
  std::vector<std::int64_t> indices;  ///< of the data set

  std::int64_t size() const { return std::ssize(indices); }
};

/// A changed copy of a picture: uint8 [H, W, C] in and out, of any size. All that it draws comes
/// from `random`.
using Augmentation = std::function<at::Tensor(const at::Tensor& image, Random& random)>;

struct LoaderOptions {
  ImageShape shape;  ///< of the batches; pictures are fitted to it
  std::int64_t batch_size = 32;
  bool shuffle = true;
  std::int64_t workers = 0;   ///< threads that decode ahead; 0: `next` decodes
  Augmentation augment = {};  ///< before the picture is fitted; empty: none
  bool pinned = false;        ///< batches lie where a GPU fetches them without waiting
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
  at::Tensor picture(std::int64_t index) const;

  DatasetPtr set_;
  LoaderOptions options_;
  Seed seed_;
  std::int64_t epoch_ = 0;
  std::int64_t next_ = 0;  // batch to be given out
  std::vector<std::int64_t> order_;
  std::unique_ptr<Ahead> ahead_;
};

}  // namespace lorae::data
