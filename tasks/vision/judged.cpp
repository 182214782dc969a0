#include "tasks/vision/judged.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tasks/metrics/draw.h"
#include "tensors/torch.h"

namespace lorae::tasks::vision {
namespace {

/// Where a line of a scaled map comes from. Formula: LibTorch's bilinear, corners not aligned.
struct Line {
  std::int64_t low = 0, high = 0;
  float share = 0;  ///< of `high`
};

Line line_at(std::int64_t i, std::int64_t from, std::int64_t to) {
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  const float place = std::max(scale * (static_cast<float>(i) + 0.5F) - 0.5F, 0.0F);
  const auto low = std::min(static_cast<std::int64_t>(place), from - 1);
  return {low, std::min(low + 1, from - 1), place - static_cast<float>(low)};
}

/// Pixels [first, end) of a line lie in [low, high).
struct Pixels {
  std::int64_t first = 0, end = 0;
};
Pixels pixels_between(double low, double high, std::int64_t size) {
  const auto whole = [size](double border) {
    // Comparisons first: a border may be anything.
    return border > 0 ? border < static_cast<double>(size)
                            ? static_cast<std::int64_t>(std::ceil(border))
                            : size
                      : 0;
  };
  return {whole(low), whole(high)};
}

/// One mask. `map`: logits [rows, columns].
metrics::Rle scaled_runs(const float* map,
                         std::int64_t rows,
                         std::int64_t columns,
                         const float* box,
                         const data::PictureSize& picture) {
  const Pixels across = pixels_between(box[0], box[2], picture.width);
  const Pixels down = pixels_between(box[1], box[3], picture.height);
  std::vector<Line> ys;
  for (std::int64_t y = down.first; y < down.end; ++y) {
    ys.push_back(line_at(y, rows, picture.height));
  }
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(picture.height * picture.width));
  std::vector<float> column(static_cast<std::size_t>(rows));
  for (std::int64_t x = across.first; x < across.end; ++x) {
    const Line line = line_at(x, columns, picture.width);
    for (std::int64_t row = 0; row < rows; ++row) {
      const float* values = map + row * columns;
      column[static_cast<std::size_t>(row)] =
          (1 - line.share) * values[line.low] + line.share * values[line.high];
    }
    std::uint8_t* out = pixels.data() + x * picture.height + down.first;
    for (const Line& y : ys) {
      const float value = (1 - y.share) * column[static_cast<std::size_t>(y.low)] +
                          y.share * column[static_cast<std::size_t>(y.high)];
      *out++ = value > 0 ? 1 : 0;
    }
  }
  return data::encode_columns(pixels, picture.height, picture.width);
}

data::Box box_at(const double* corners, std::int64_t i) {
  const double* c = corners + 4 * i;
  return {c[0], c[1], c[2], c[3]};
}

at::Tensor doubles(const at::Tensor& t) {
  return t.to(at::kCPU, at::kDouble).contiguous();
}

at::Tensor whole_numbers(const at::Tensor& t) {
  return t.to(at::kCPU, at::kLong).contiguous();
}

/// Pixels of a fraction, without what the fraction was rounded by: numbers of files lie where IoUs
/// meet thresholds and outlines meet cells, and a last bit would decide.
double pixels_at(double fraction, double size) {
  constexpr double kFinest = 1e5;  // parts of a pixel
  return std::nearbyint(fraction * size * kFinest) / kFinest;
}

void check_count(std::size_t got, std::int64_t wanted, const char* what) {
  check(got == 0 || static_cast<std::int64_t>(got) == wanted, ErrorCode::kInvalidArgument,
        "[tasks] expected ", wanted, " ", what, ", got ", got);
}

}  // namespace

std::vector<metrics::Rle> runs_of(const at::Tensor& masks) {
  const at::Tensor columns = masks.ne(0).to(at::kCPU, at::kByte).transpose(1, 2).contiguous();
  const auto size = static_cast<std::size_t>(masks.size(1) * masks.size(2));
  const auto* pixels = columns.data_ptr<std::uint8_t>();
  std::vector<metrics::Rle> runs;
  for (std::int64_t i = 0; i < masks.size(0); ++i) {
    runs.push_back(data::encode_columns({pixels + static_cast<std::size_t>(i) * size, size},
                                        masks.size(1), masks.size(2)));
  }
  return runs;
}

std::vector<metrics::Rle> runs_in_picture(const at::Tensor& coefficients,
                                          const at::Tensor& proto,
                                          const at::Tensor& boxes,
                                          const data::PictureSize& picture) {
  check(coefficients.size(1) == proto.size(0) && coefficients.size(0) == boxes.size(0),
        ErrorCode::kInvalidArgument, "[tasks] masks: coefficients ", coefficients.sizes(),
        " do not fit prototypes ", proto.sizes(), " and boxes ", boxes.sizes());
  const at::Tensor inside = prototypes_of_picture(proto, picture);
  const std::int64_t rows = inside.size(1), columns = inside.size(2);
  const at::Tensor maps =
      coefficients.matmul(inside.flatten(1)).to(at::kCPU, at::kFloat).contiguous();
  const at::Tensor corners = boxes.to(at::kCPU, at::kFloat).contiguous();
  std::vector<metrics::Rle> runs;
  for (std::int64_t i = 0; i < maps.size(0); ++i) {
    runs.push_back(scaled_runs(maps.data_ptr<float>() + i * rows * columns, rows, columns,
                               corners.data_ptr<float>() + 4 * i, picture));
  }
  return runs;
}

std::vector<metrics::Found> found_of(const Detections& detections,
                                     std::vector<metrics::Rle> masks) {
  const std::int64_t count = detections.scores.size(0);
  check_count(masks.size(), count, "masks");
  const at::Tensor boxes = doubles(detections.boxes), scores = doubles(detections.scores);
  const at::Tensor labels = whole_numbers(detections.labels);
  std::vector<metrics::Found> found;
  for (std::int64_t i = 0; i < count; ++i) {
    found.push_back({.label = labels.data_ptr<std::int64_t>()[i],
                     .score = scores.data_ptr<double>()[i],
                     .box = box_at(boxes.data_ptr<double>(), i)});
    if (!masks.empty()) {
      found.back().mask = std::move(masks[static_cast<std::size_t>(i)]);
    }
  }
  return found;
}

std::vector<metrics::Truth> truths_of(const at::Tensor& boxes,
                                      const at::Tensor& labels,
                                      std::span<const bool> ignored,
                                      std::vector<metrics::Rle> masks) {
  check_count(masks.size(), labels.size(0), "masks");
  check_count(ignored.size(), labels.size(0), "words on who is ignored");
  const at::Tensor corners = doubles(boxes), label = whole_numbers(labels);
  std::vector<metrics::Truth> truths;
  for (std::int64_t i = 0; i < labels.size(0); ++i) {
    const auto at = static_cast<std::size_t>(i);
    truths.push_back({.label = label.data_ptr<std::int64_t>()[i],
                      .box = box_at(corners.data_ptr<double>(), i),
                      .mask = {},
                      .ignored = !ignored.empty() && ignored[at]});
    if (!masks.empty()) {
      truths.back().mask = std::move(masks[at]);
    }
  }
  return truths;
}

std::vector<metrics::Truth> truths_of(const std::vector<data::Object>& objects,
                                      const data::PictureSize& picture,
                                      bool masks) {
  const auto width = static_cast<double>(picture.width);
  const auto height = static_cast<double>(picture.height);
  std::vector<metrics::Truth> truths;
  for (const data::Object& object : objects) {
    const data::Box& b = object.box;
    metrics::Truth& truth = truths.emplace_back();
    truth.label = object.label;
    truth.box = {pixels_at(b.x1, width), pixels_at(b.y1, height), pixels_at(b.x2, width),
                 pixels_at(b.y2, height)};
    truth.ignored = object.ignored;
    if (!masks) {
      continue;
    }
    std::vector<data::Polygon> outlines = object.polygons;
    if (outlines.empty()) {
      outlines.push_back({{b.x1, b.y1}, {b.x2, b.y1}, {b.x2, b.y2}, {b.x1, b.y2}});
    }
    std::vector<metrics::Rle> parts;
    for (data::Polygon& outline : outlines) {
      for (data::Point& point : outline) {
        point = {pixels_at(point.x, width), pixels_at(point.y, height)};
      }
      parts.push_back(metrics::drawn(outline, picture.height, picture.width));
    }
    truth.mask = data::joined(parts);
  }
  return truths;
}

}  // namespace lorae::tasks::vision
