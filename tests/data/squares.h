#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/str.h"
#include "data/dataset.h"
#include "tensors/torch.h"

namespace lorae::data::testing {

/// Pictures of 40 x 60 with a bright square each on the left or on the right: two classes.
class Squares final : public Dataset {
 public:
  std::int64_t size() const override { return 8; }
  const std::vector<std::string>& classes() const override { return classes_; }
  std::int64_t label(std::int64_t index) const override { return index % 2; }
  Annotation annotation() const override { return Annotation::kOutlines; }
  std::string name(std::int64_t index) const override { return str("square ", index); }
  std::optional<PictureSize> picture_size(std::int64_t /*index*/) const override {
    return PictureSize{40, 60};
  }
  std::vector<Object> objects(std::int64_t index) const override {
    const double left = index % 2 == 0 ? 0.1 : 0.6;
    const Box box{left, 0.25, left + 1.0 / 3, 0.75};
    return {
        {.label = index % 2,
         .box = box,
         .polygons = {{{box.x1, box.y1}, {box.x2, box.y1}, {box.x2, box.y2}, {box.x1, box.y2}}}}};
  }
  Sample get(std::int64_t index) const override {
    at::Tensor image = torch::full({40, 60, 3}, 20 + 5 * index, torch::kUInt8);
    const std::int64_t left = index % 2 == 0 ? 6 : 36;
    image.slice(0, 10, 30).slice(1, left, left + 20).select(2, index % 2).fill_(230);
    return {image, label(index), objects(index)};
  }

 private:
  std::vector<std::string> classes_ = {"left", "right"};
};

}  // namespace lorae::data::testing
