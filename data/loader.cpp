#include "data/loader.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstring>
#include <deque>
#include <future>
#include <numeric>

#include "base/error.h"
#include "data/picture.h"
#include "tensors/threads.h"
#include "tensors/torch.h"

namespace lorae::data {

/// Batches in the making, in their order.
class Loader::Ahead {
 public:
  explicit Ahead(std::size_t workers) : workers_(workers), pool_(workers) {}
  ~Ahead() {
    drop();
    pool_.join();
  }
  Ahead(const Ahead&) = delete;
  Ahead& operator=(const Ahead&) = delete;

  bool wants_more() const { return batches_.size() < 2 * workers_; }

  void add(std::function<Batch()> make) {
    auto task = std::make_shared<std::packaged_task<Batch()>>(
        [make = std::move(make), run = run_, current = current_] {
          keep_to_this_thread();
          return *current == run ? make() : Batch{};  // else nobody waits for it
        });
    batches_.push_back(task->get_future());
    boost::asio::post(pool_, [task] { (*task)(); });
  }

  Batch take() {
    std::future<Batch> front = std::move(batches_.front());
    batches_.pop_front();
    return front.get();
  }

  bool empty() const { return batches_.empty(); }

  /// Forgets what nobody will ask for, and waits for what is being made.
  void drop() {
    *current_ = ++run_;
    for (std::future<Batch>& batch : batches_) {
      batch.wait();
    }
    batches_.clear();
  }

 private:
  std::size_t workers_;
  std::int64_t run_ = 0;
  std::shared_ptr<std::atomic<std::int64_t>> current_ =
      std::make_shared<std::atomic<std::int64_t>>(0);
  std::deque<std::future<Batch>> batches_;
  boost::asio::thread_pool pool_;
};

Loader::Loader(DatasetPtr set, LoaderOptions options, Seed seed)
    : set_(std::move(set)), options_(std::move(options)), seed_(seed) {
  check(set_->size() > 0, ErrorCode::kInvalidArgument, "[data] no images to load");
  check(options_.batch_size > 0 && options_.workers >= 0, ErrorCode::kInvalidArgument,
        "[data] loader: expected a batch of at least 1 and 0 or more workers, got ",
        options_.batch_size, " and ", options_.workers);
  if (options_.workers > 0) {
    ahead_ = std::make_unique<Ahead>(static_cast<std::size_t>(options_.workers));
  }
  start(0);
}

Loader::~Loader() = default;

std::int64_t Loader::batches() const {
  return (set_->size() + options_.batch_size - 1) / options_.batch_size;
}

void Loader::start(std::int64_t epoch, std::int64_t first) {
  if (ahead_) {
    ahead_->drop();
  }
  epoch_ = epoch;
  next_ = first;
  order_.resize(static_cast<std::size_t>(set_->size()));
  std::iota(order_.begin(), order_.end(), 0);
  if (options_.shuffle) {
    Random random = seed_.derive("shuffle", {}, static_cast<std::uint64_t>(epoch)).random();
    random.shuffle(std::span(order_));
  }
}

std::optional<Batch> Loader::next() {
  if (ahead_) {
    while (next_ < batches() && ahead_->wants_more()) {
      ahead_->add([this, batch = next_++] { return make(batch); });
    }
    return ahead_->empty() ? std::nullopt : std::optional(ahead_->take());
  }
  return next_ < batches() ? std::optional(make(next_++)) : std::nullopt;
}

Batch Loader::make(std::int64_t batch) const {
  const std::int64_t begin = batch * options_.batch_size;
  const std::int64_t end = std::min(begin + options_.batch_size, set_->size());
  Batch made;
  made.indices.assign(order_.begin() + begin, order_.begin() + end);
  const auto options = torch::TensorOptions().pinned_memory(options_.pinned);
  made.images = torch::empty(
      {end - begin, options_.shape.channels, options_.shape.height, options_.shape.width},
      options.dtype(torch::kUInt8));
  made.labels = torch::empty({end - begin}, options.dtype(torch::kInt64));
  const ImageSet* images = set_->in_memory();
  if (images != nullptr && images->shape() == options_.shape && !options_.augment) {
    const at::Tensor indices = torch::tensor(made.indices, torch::kInt64);
    at::index_select_out(made.images, images->images, 0, indices);
    at::index_select_out(made.labels, images->labels, 0, indices);
    return made;
  }
  for (std::int64_t i = 0; i < end - begin; ++i) {
    const std::int64_t index = made.indices[static_cast<std::size_t>(i)];
    Sample sample = set_->get(index);
    if (options_.augment) {
      Random random =
          seed_.derive("augment", std::to_string(epoch_), static_cast<std::uint64_t>(index))
              .random();
      sample.image = options_.augment(sample.image, random);
    }
    fit_into(sample.image, made.images[i]);
    made.labels[i] = sample.label;
  }
  return made;
}

}  // namespace lorae::data
