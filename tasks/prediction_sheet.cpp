#include "tasks/prediction_sheet.h"

#include <algorithm>

#include "data/formats/sheet.h"
#include "tasks/marks.h"
#include "tensors/torch.h"

namespace lorae::tasks {
namespace {

at::Tensor resized(const at::Tensor& mask, std::int64_t height, std::int64_t width) {
  return at::upsample_nearest2d(mask.to(torch::kFloat32).unsqueeze(0).unsqueeze(0),
                                {height, width})[0][0]
      .gt(0);
}

/// From pixels of the picture into fractions; masks made small, so that few bytes wait.
void shrink_(data::Mark& mark, data::PictureSize picture, std::int64_t side) {
  const auto width = static_cast<double>(picture.width),
             height = static_cast<double>(picture.height);
  mark.box = {mark.box.x1 / width, mark.box.y1 / height, mark.box.x2 / width, mark.box.y2 / height};
  const double scale = static_cast<double>(side) / std::max(width, height);
  if (mark.mask.defined() && scale < 1) {
    const auto scaled = [&](double length) {
      return std::max<std::int64_t>(std::lround(scale * length), 1);
    };
    mark.mask = resized(mark.mask, scaled(height), scaled(width));
  }
}

at::Tensor with_marks(const at::Tensor& picture, std::vector<data::Mark> marks, std::int64_t side) {
  const at::Tensor image = data::scaled_to_side({picture, {}}, side).image;
  const std::int64_t height = image.size(0), width = image.size(1);
  const auto x = static_cast<double>(width), y = static_cast<double>(height);
  for (data::Mark& mark : marks) {
    mark.box = {mark.box.x1 * x, mark.box.y1 * y, mark.box.x2 * x, mark.box.y2 * y};
    if (mark.mask.defined()) {
      mark.mask = resized(mark.mask, height, width);
    }
  }
  return data::marked(image, marks);
}

}  // namespace

PredictionSheet::PredictionSheet(const data::Dataset& set, const Task& task, std::int64_t most)
    : set_(set), masks_(task.needs().masks == data::Masks::kInstances) {
  for (const std::int64_t i : data::spread(set.size(), most)) {
    said_.emplace(i, std::nullopt);
  }
}

void PredictionSheet::add(const Predictions& predictions,
                          const data::Batch& batch,
                          std::int64_t first) {
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    const auto place = said_.find(first + batch.indices[static_cast<std::size_t>(i)]);
    if (place == said_.end()) {
      continue;
    }
    std::vector<data::Mark> marks =
        marks_of(predictions, batch, i, set_.classes(), masks_, kConfidence);
    for (data::Mark& mark : marks) {
      if (!batch.placements.empty()) {
        shrink_(mark, batch.placements[static_cast<std::size_t>(i)].picture, kSide);
      }
    }
    place->second = std::move(marks);
  }
}

at::Tensor PredictionSheet::drawn() const {
  constexpr std::int64_t kInner = 2, kOuter = 10, kColumns = 2;  // gaps in pixels; pairs in a row
  std::vector<at::Tensor> pairs;
  for (const auto& [index, marks] : said_) {
    if (marks) {
      const data::Sample sample = set_.get(index);
      pairs.push_back(data::tiled(
          {data::with_truth(set_, sample, kSide), with_marks(sample.image, *marks, kSide)}, 2,
          {kSide, kSide}, kInner));
    }
  }
  if (pairs.empty()) {
    return {};
  }
  return data::tiled(pairs, kColumns, {pairs[0].size(0), pairs[0].size(1)}, kOuter);
}

}  // namespace lorae::tasks
