#include "data/dataset.h"

#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/str.h"
#include "data/domains.h"
#include "data/view.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

class MemoryDataset final : public Dataset {
 public:
  explicit MemoryDataset(ImageSet images) : images_(std::move(images)) {}

  std::int64_t size() const override { return images_.size(); }
  const std::vector<std::string>& classes() const override { return images_.classes; }
  std::int64_t label(std::int64_t index) const override {
    return images_.labels.data_ptr<std::int64_t>()[index];
  }
  Sample get(std::int64_t index) const override {
    return {images_.images[index].permute({1, 2, 0}).contiguous(), label(index)};
  }
  std::string name(std::int64_t index) const override { return str("image ", index); }
  const ImageSet* in_memory() const override { return &images_; }

 private:
  ImageSet images_;
};

class Subset final : public View {
 public:
  Subset(DatasetPtr from, std::vector<std::int64_t> indices)
      : View(std::move(from)), indices_(std::move(indices)) {}

  std::int64_t size() const override { return std::ssize(indices_); }

 private:
  std::int64_t at(std::int64_t index) const override {
    return indices_.at(static_cast<std::size_t>(index));
  }

  std::vector<std::int64_t> indices_;
};

class Relabelled final : public View {
 public:
  Relabelled(DatasetPtr from, std::vector<std::int64_t> labels, std::vector<std::string> names)
      : View(std::move(from)), labels_(std::move(labels)), names_(std::move(names)) {}

  const std::vector<std::string>& classes() const override { return names_; }
  std::int64_t label(std::int64_t index) const override { return known_as(from().label(index)); }
  Sample get(std::int64_t index) const override {
    Sample sample = from().get(index);
    sample.label = known_as(sample.label);
    rename(sample.objects);
    if (sample.mask.defined()) {
      sample.mask = renamed(sample.mask);
    }
    return sample;
  }
  std::vector<Object> objects(std::int64_t index) const override {
    std::vector<Object> objects = from().objects(index);
    rename(objects);
    return objects;
  }

 private:
  /// The run's label; a picture that shows nothing has none here either.
  std::int64_t known_as(std::int64_t label) const {
    return label < 0 ? label : labels_.at(static_cast<std::size_t>(label));
  }
  void rename(std::vector<Object>& objects) const {
    for (Object& object : objects) {
      object.label = known_as(object.label);
    }
  }
  /// A mask in which class k is k + 1.
  at::Tensor renamed(const at::Tensor& mask) const {
    at::Tensor table = torch::arange(256, torch::kUInt8);
    for (std::size_t own = 0; own < labels_.size(); ++own) {
      table[static_cast<std::int64_t>(own) + 1] = labels_[own] + 1;
    }
    return table.index_select(0, mask.reshape(-1).to(torch::kInt64)).view_as(mask);
  }

  std::vector<std::int64_t> labels_;
  std::vector<std::string> names_;
};

}  // namespace

DatasetPtr memory_dataset(ImageSet images) {
  return std::make_shared<MemoryDataset>(std::move(images));
}

DatasetPtr subset(DatasetPtr from, std::vector<std::int64_t> indices) {
  if (const ImageSet* images = from->in_memory()) {
    DatasetPtr chosen = memory_dataset(images->select(indices));
    return with_domains_of(*from, indices, std::move(chosen));
  }
  for (const std::int64_t index : indices) {
    check(index >= 0 && index < from->size(), ErrorCode::kInvalidArgument, "[data] image ", index,
          " selected: expected an index in [0, ", from->size(), ")");
  }
  return std::make_shared<Subset>(std::move(from), std::move(indices));
}

DatasetPtr relabelled(DatasetPtr from,
                      std::vector<std::int64_t> labels_of,
                      std::vector<std::string> names) {
  check(labels_of.size() == from->classes().size(), ErrorCode::kInvalidArgument,
        "[data] relabelled: expected ", from->classes().size(), " labels, got ", labels_of.size());
  if (const ImageSet* images = from->in_memory()) {
    std::vector<std::int64_t> all(static_cast<std::size_t>(from->size()));
    std::iota(all.begin(), all.end(), 0);
    DatasetPtr renamed = memory_dataset(images->relabelled(labels_of, std::move(names)));
    return with_domains_of(*from, all, std::move(renamed));
  }
  return std::make_shared<Relabelled>(std::move(from), std::move(labels_of), std::move(names));
}

std::vector<std::int64_t> labels_of(const Dataset& set) {
  std::vector<std::int64_t> labels;
  labels.reserve(static_cast<std::size_t>(set.size()));
  for (std::int64_t i = 0; i < set.size(); ++i) {
    labels.push_back(set.label(i));
  }
  return labels;
}

std::vector<std::int64_t> class_histogram(const Dataset& set,
                                          std::span<const std::int64_t> indices) {
  std::vector<std::int64_t> counts(set.classes().size(), 0);
  for (const std::int64_t index : indices) {
    const std::int64_t label = set.label(index);
    check(label >= 0 && label < std::ssize(counts), ErrorCode::kInvalidArgument, "[data] ",
          set.name(index), " has label ", label, ": expected one in [0, ", counts.size(), ")");
    ++counts[static_cast<std::size_t>(label)];
  }
  return counts;
}

}  // namespace lorae::data
