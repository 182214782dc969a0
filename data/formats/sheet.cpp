#include "data/formats/sheet.h"

#include <algorithm>

#include "data/draw.h"
#include "data/raster.h"
#include "data/scene.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

Mark mark_of(const Object& object, PictureSize size, const std::string& name) {
  const auto width = static_cast<double>(size.width), height = static_cast<double>(size.height);
  const Box& box = object.box;
  return {.label = object.ignored ? -1 : object.label,
          .text = name,
          .box = {box.x1 * width, box.y1 * height, box.x2 * width, box.y2 * height},
          .mask = object.polygons.empty() ? at::Tensor() : outline_map({object}, size)};
}

/// What is known of a picture, as it is drawn into it.
std::vector<Mark> marks_of(const Scene& scene, const Dataset& set, std::int64_t label) {
  const std::vector<std::string>& names = set.classes();
  std::vector<Mark> marks;
  for (const Object& object : scene.objects) {
    marks.push_back(
        mark_of(object, scene.size(), names.at(static_cast<std::size_t>(object.label))));
  }
  for (std::int64_t k = 0; scene.mask.defined() && k < std::ssize(names); ++k) {
    const at::Tensor own = scene.mask.eq(k + 1);
    if (own.any().item<bool>()) {
      marks.push_back({.label = k, .text = names[static_cast<std::size_t>(k)], .mask = own});
    }
  }
  if (set.annotation() == Annotation::kClass) {
    marks.push_back({.label = label, .text = names.at(static_cast<std::size_t>(label))});
  }
  return marks;
}

}  // namespace

at::Tensor sheet_of(const Dataset& set,
                    const std::vector<std::int64_t>& indices,
                    std::int64_t columns,
                    std::int64_t side) {
  constexpr std::int64_t kGap = 4;
  columns = std::clamp<std::int64_t>(columns, 1, std::max<std::int64_t>(std::ssize(indices), 1));
  const std::int64_t rows = (std::ssize(indices) + columns - 1) / columns;
  const std::int64_t step = side + kGap;
  const at::Tensor sheet =
      torch::full({rows * step + kGap, columns * step + kGap, 3}, 255, torch::kUInt8);
  for (std::int64_t i = 0; i < std::ssize(indices); ++i) {
    const Sample sample = set.get(indices[static_cast<std::size_t>(i)]);
    const Scene scene = scaled_to_side({sample.image, sample.objects, sample.mask}, side);
    const auto [height, width] = scene.size();
    const std::int64_t left = kGap + i % columns * step + (side - width) / 2;
    const std::int64_t top = kGap + i / columns * step + (side - height) / 2;
    sheet.narrow(0, top, height)
        .narrow(1, left, width)
        .copy_(marked(scene.image, marks_of(scene, set, sample.label)));
  }
  return sheet;
}

}  // namespace lorae::data
