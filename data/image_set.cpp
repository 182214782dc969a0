#include "data/image_set.h"

#include <ostream>
#include <utility>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

/// Calls change(part of x, value) for each channel, or once if one value is for all. Numbers, not
/// tensors: those would have to travel to a device first.
template <typename Change>
void by_channel(const at::Tensor& x, const std::vector<double>& values, Change change) {
  if (values.size() == 1) {
    change(x, values.front());
    return;
  }
  for (std::size_t c = 0; c < values.size(); ++c) {
    change(x.select(1, static_cast<std::int64_t>(c)), values[c]);
  }
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const ImageShape& shape) {
  return out << shape.channels << 'x' << shape.height << 'x' << shape.width;
}

std::int64_t ImageSet::size() const {
  return images.defined() ? images.size(0) : 0;
}

ImageShape ImageSet::shape() const {
  return images.defined() ? ImageShape{images.size(1), images.size(2), images.size(3)}
                          : ImageShape{};
}

ImageSet ImageSet::select(const std::vector<std::int64_t>& indices) const {
  // index_select names neither the set nor the index that is wrong.
  for (const std::int64_t index : indices) {
    check(index >= 0 && index < size(), ErrorCode::kInvalidArgument, "[data] image ", index,
          " selected: expected an index in [0, ", size(), ")");
  }
  if (!images.defined()) {
    return *this;
  }
  const at::Tensor chosen = torch::tensor(indices, torch::kInt64);
  return {images.index_select(0, chosen), labels.index_select(0, chosen), classes};
}

ImageSet ImageSet::relabelled(const std::vector<std::int64_t>& labels_of,
                              std::vector<std::string> names) const {
  check(labels_of.size() == classes.size(), ErrorCode::kInvalidArgument,
        "[data] relabelled: expected ", classes.size(), " labels, got ", labels_of.size());
  if (!images.defined()) {
    return {images, labels, std::move(names)};
  }
  return {images, torch::tensor(labels_of, torch::kInt64).index_select(0, labels),
          std::move(names)};
}

std::vector<std::int64_t> class_histogram(const ImageSet& set) {
  std::vector<std::int64_t> counts(set.classes.size(), 0);
  if (!set.labels.defined()) {
    return counts;
  }
  const auto labels = set.labels.accessor<std::int64_t, 1>();
  for (std::int64_t i = 0; i < labels.size(0); ++i) {
    const std::int64_t label = labels[i];
    check(label >= 0 && label < std::ssize(counts), ErrorCode::kInvalidArgument, "[data] image ", i,
          " has label ", label, ": expected one in [0, ", counts.size(), ")");
    ++counts[static_cast<std::size_t>(label)];
  }
  return counts;
}

at::Tensor normalised(const at::Tensor& uint8_images,
                      const std::vector<double>& mean,
                      const std::vector<double>& std) {
  check(uint8_images.defined() && uint8_images.dim() == 4 &&
            uint8_images.scalar_type() == torch::kUInt8,
        ErrorCode::kInvalidArgument, "[data] images to normalise: expected uint8 [N, C, H, W]");
  const std::int64_t channels = uint8_images.size(1);
  const auto fits = [&](const std::vector<double>& values) {
    return values.size() == 1 || std::ssize(values) == channels;
  };
  check(fits(mean) && fits(std), ErrorCode::kInvalidArgument, "[data] mean and std: expected 1 or ",
        channels, " values each, one per channel, got ", mean.size(), " and ", std.size());
  for (const double value : std) {
    check(value > 0.0, ErrorCode::kInvalidArgument,
          "[data] std of a channel: expected a positive number, got ", value);
  }
  // The only float copy: the rest is in place.
  at::Tensor result = uint8_images.to(torch::kFloat32);
  result.div_(255.0);
  by_channel(result, mean, [](const at::Tensor& x, double value) { x.sub_(value); });
  by_channel(result, std, [](const at::Tensor& x, double value) { x.div_(value); });
  return result;
}

ImageSet shifted_domain(const ImageSet& set) {
  if (!set.images.defined()) {
    return set;
  }
  // rot90 copies, so the caller's pixels stay; on uint8 the bitwise complement is 255 - x.
  return {torch::rot90(set.images, 1, {2, 3}).bitwise_not_().contiguous(), set.labels, set.classes};
}

}  // namespace lorae::data
