#include "data/formats/file_dataset.h"

#include <algorithm>
#include <mutex>

#include "base/error.h"
#include "base/in_parallel.h"
#include "data/formats/mask_file.h"
#include "data/picture.h"
#include "tensors/threads.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

class FileDataset final : public Dataset {
 public:
  FileDataset(std::shared_ptr<const Known> known, std::int64_t channels)
      : known_(std::move(known)), channels_(channels) {}

  std::int64_t size() const override { return all().size(); }
  const std::vector<std::string>& classes() const override { return known_->classes; }
  std::int64_t label(std::int64_t index) const override {
    return annotation() == Annotation::kMasks
               ? labels_of_masks().at(static_cast<std::size_t>(index))
               : all().label(index);
  }
  Annotation annotation() const override { return known_->annotation; }
  std::vector<Object> objects(std::int64_t index) const override { return all().objects(index); }
  std::optional<PictureSize> picture_size(std::int64_t index) const override {
    const PictureSize size = all().picture_size(index);
    if (size.width > 0) {
      return size;
    }
    const at::Tensor picture = read_picture(all().picture(index), 1);  // its head does not say
    return PictureSize{.height = picture.size(0), .width = picture.size(1)};
  }
  std::string domain(std::int64_t index) const override { return all().domain(index); }
  Sample get(std::int64_t index) const override {
    Sample sample{.image = read_picture(all().picture(index), channels_),
                  .label = all().label(index),
                  .objects = objects(index)};
    if (annotation() == Annotation::kMasks) {
      sample.mask = read_mask(all().mask(index), std::ssize(classes()));
      sample.label = main_class(sample.mask, std::ssize(classes()));
    }
    return sample;
  }
  std::string name(std::int64_t index) const override { return all().picture(index).string(); }

 private:
  const Catalogue& all() const { return known_->catalogue; }

  /// Masks are decoded to know them: all, when the first is asked for. A damaged one has none.
  const std::vector<std::int64_t>& labels_of_masks() const {
    std::call_once(asked_, [&] {
      labels_.resize(static_cast<std::size_t>(size()), -1);
      in_parallel(
          size(),
          [&](std::int64_t i) {
            try {
              labels_[static_cast<std::size_t>(i)] = main_class(
                  read_mask(all().mask(i), std::ssize(classes())), std::ssize(classes()));
            } catch (const Error&) {
              // get says what is wrong
            }
          },
          keep_to_this_thread);
    });
    return labels_;
  }

  std::shared_ptr<const Known> known_;
  std::int64_t channels_;
  mutable std::once_flag asked_;
  mutable std::vector<std::int64_t> labels_;
};

}  // namespace

DatasetPtr file_dataset(std::shared_ptr<const Known> known, std::int64_t channels) {
  check(channels == 1 || channels == 3, ErrorCode::kIncompatible,
        "[data] the set holds pictures: expected a model of 1 or 3 channels, got ", channels);
  return std::make_shared<FileDataset>(std::move(known), channels);
}

}  // namespace lorae::data
