#include "data/loader.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cmath>
#include <deque>
#include <future>
#include <numeric>

#include "base/error.h"
#include "data/picture.h"
#include "data/raster.h"
#include "tensors/threads.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

/// Nothing counts outside the picture.
void void_around(const at::Tensor& map, const Placement& at) {
  const auto pixels = [](double part) { return static_cast<std::int64_t>(std::lround(part)); };
  const std::int64_t left = pixels(at.left), top = pixels(at.top);
  const std::int64_t right = left + pixels(at.scale_x * static_cast<double>(at.picture.width));
  const std::int64_t bottom = top + pixels(at.scale_y * static_cast<double>(at.picture.height));
  map.slice(0, 0, top).fill_(kVoid);
  map.slice(0, bottom).fill_(kVoid);
  map.slice(1, 0, left).fill_(kVoid);
  map.slice(1, right).fill_(kVoid);
}

/// Puts the objects of `example` into the order of the instances.
at::Tensor mask_of(Example& example, PictureSize frame, Masks masks) {
  if (masks == Masks::kInstances) {
    return instance_map(example.scene.objects, frame, kInstanceRatio);
  }
  if (example.scene.mask.defined()) {
    return example.scene.mask;
  }
  const at::Tensor map = class_map(example.scene.objects, frame);
  void_around(map, example.placement);
  return map;
}

/// Height / width of every picture; empty if a size is not known.
std::vector<double> aspects_of(const Dataset& set) {
  std::vector<double> aspects;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const auto size = set.picture_size(i);
    if (!size) {
      return {};
    }
    aspects.push_back(static_cast<double>(size->height) / static_cast<double>(size->width));
  }
  return aspects;
}

}  // namespace

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
  if (options_.rectangular) {
    aspects_ = aspects_of(*set_);
  }
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
  arrange();
}

void Loader::arrange() {
  order_.resize(static_cast<std::size_t>(set_->size()));
  std::iota(order_.begin(), order_.end(), 0);
  if (!aspects_.empty()) {
    std::ranges::stable_sort(order_, {},
                             [&](std::int64_t i) { return aspects_[static_cast<std::size_t>(i)]; });
  } else if (options_.shuffle) {
    Random random = seed_.derive("shuffle", {}, static_cast<std::uint64_t>(epoch_)).random();
    random.shuffle(std::span(order_));
  }
}

/// Of the batch of order_[begin, end).
PictureSize Loader::frame(std::int64_t begin, std::int64_t end) const {
  if (aspects_.empty()) {
    return {options_.shape.height, options_.shape.width};
  }
  const double least = aspects_[static_cast<std::size_t>(order_[static_cast<std::size_t>(begin)])];
  const double most = aspects_[static_cast<std::size_t>(order_[static_cast<std::size_t>(end) - 1])];
  constexpr double kStride = 32, kMargin = 0.5;
  const auto side = [&](double part) {
    const auto longer = static_cast<double>(std::max(options_.shape.height, options_.shape.width));
    return static_cast<std::int64_t>(std::ceil(part * longer / kStride + kMargin) * kStride);
  };
  return {side(most < 1 ? most : 1), side(least > 1 ? 1 / least : 1)};
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

Example Loader::example(std::int64_t index, PictureSize frame) const {
  if (!options_.prepare) {
    Sample sample = set_->get(index);
    return {.scene = {std::move(sample.image), {}, {}}, .label = sample.label, .placement = {}};
  }
  Random random =
      seed_.derive("augment", std::to_string(epoch_), static_cast<std::uint64_t>(index)).random();
  const Wanted wanted{.index = index,
                      .frame = frame,
                      .side = std::max(options_.shape.height, options_.shape.width),
                      .epoch = epoch_,
                      .ignored = options_.masks == Masks::kClasses};
  return options_.prepare(*set_, wanted, random);
}

Batch Loader::make(std::int64_t batch) const {
  const std::int64_t begin = batch * options_.batch_size;
  const std::int64_t end = std::min(begin + options_.batch_size, set_->size());
  const PictureSize size = frame(begin, end);
  Batch made;
  made.frame = size;
  made.indices.assign(order_.begin() + begin, order_.begin() + end);
  const auto options = torch::TensorOptions().pinned_memory(options_.pinned);
  made.images = torch::empty({end - begin, options_.shape.channels, size.height, size.width},
                             options.dtype(torch::kUInt8));
  made.labels = torch::empty({end - begin}, options.dtype(torch::kInt64));
  const ImageSet* images = set_->in_memory();
  if (images != nullptr && images->shape() == options_.shape && !options_.prepare) {
    const at::Tensor indices = torch::tensor(made.indices, torch::kInt64);
    at::index_select_out(made.images, images->images, 0, indices);
    at::index_select_out(made.labels, images->labels, 0, indices);
    return made;
  }
  std::vector<at::Tensor> masks;
  for (std::int64_t i = 0; i < end - begin; ++i) {
    Example one = example(made.indices[static_cast<std::size_t>(i)], size);
    fit_into(one.scene.image, made.images[i]);
    made.labels[i] = one.label;
    if (options_.masks != Masks::kNone) {
      masks.push_back(mask_of(one, size, options_.masks));
    }
    if (options_.prepare) {
      made.objects.push_back(std::move(one.scene.objects));
      made.placements.push_back(one.placement);
    }
  }
  if (!masks.empty()) {
    made.masks = at::stack(masks);
  }
  return made;
}

}  // namespace lorae::data
