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

std::vector<std::int64_t> spread(std::int64_t size, std::int64_t count) {
  std::vector<std::int64_t> places;
  count = std::min(count, size);
  for (std::int64_t i = 0; i < count; ++i) {
    places.push_back(i * size / count);
  }
  return places;
}

at::Tensor with_truth(const Dataset& set, const Sample& sample, std::int64_t side) {
  const Scene scene = scaled_to_side({sample.image, sample.objects, sample.mask}, side);
  return marked(scene.image, marks_of(scene, set, sample.label));
}

at::Tensor tiled(const std::vector<at::Tensor>& pictures,
                 std::int64_t columns,
                 PictureSize cell,
                 std::int64_t gap) {
  columns = std::clamp<std::int64_t>(columns, 1, std::max<std::int64_t>(std::ssize(pictures), 1));
  const std::int64_t rows = (std::ssize(pictures) + columns - 1) / columns;
  const std::int64_t down = cell.height + gap, across = cell.width + gap;
  const at::Tensor sheet =
      torch::full({rows * down + gap, columns * across + gap, 3}, 255, torch::kUInt8);
  for (std::int64_t i = 0; i < std::ssize(pictures); ++i) {
    const at::Tensor& picture = pictures[static_cast<std::size_t>(i)];
    const std::int64_t height = picture.size(0), width = picture.size(1);
    const std::int64_t left = gap + i % columns * across + (cell.width - width) / 2;
    const std::int64_t top = gap + i / columns * down + (cell.height - height) / 2;
    sheet.narrow(0, top, height).narrow(1, left, width).copy_(picture);
  }
  return sheet;
}

at::Tensor sheet_of(const Dataset& set,
                    const std::vector<std::int64_t>& indices,
                    std::int64_t columns,
                    std::int64_t side) {
  std::vector<at::Tensor> pictures;
  for (const std::int64_t i : indices) {
    pictures.push_back(with_truth(set, set.get(i), side));
  }
  return tiled(pictures, columns, {side, side});
}

}  // namespace lorae::data
