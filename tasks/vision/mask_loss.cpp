#include "tasks/vision/mask_loss.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::tasks::vision {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr std::int64_t kAtOnce = 64;  // masks: what is computed of them stays in the cache
constexpr double kLargestLogit = 40;

/// Rows [first, end) of an assignment, all of one image, and the part of its map where they count.
struct Rows {
  std::int64_t image = 0, first = 0, end = 0;
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;

  at::Tensor part_of(const at::Tensor& maps) const {  // [..., h, w]
    return maps.slice(-2, top, bottom).slice(-1, left, right);
  }
};

/// Pixels of a line that may lie between two borders, in pixels: one more on each side.
std::pair<std::int64_t, std::int64_t> pixels_around(double low, double high, std::int64_t size) {
  // Comparisons first: a border may be anything.
  const auto whole = [size](double border) {
    return border > 0
               ? border < static_cast<double>(size) ? static_cast<std::int64_t>(border) : size
               : 0;
  };
  const std::int64_t first = whole(low - 1);
  return {first, std::max(first, std::min(whole(high) + 2, size))};
}

/// Positives come in the order of objects, and so of images. On a CPU those of an object are
/// looked at together, around its box; elsewhere those of an image, as few calls are faster there.
std::vector<Rows> grouped(const Assignment& assignment,
                          const Targets& targets,
                          const data::PictureSize& image,
                          const at::Tensor& proto) {
  const bool by_object = proto.device().is_cpu();
  const at::Tensor object_of = assignment.objects.cpu();
  const at::Tensor images = targets.images.contiguous();
  const at::Tensor boxes = targets.boxes.to(at::kDouble).contiguous();
  const auto* object = object_of.data_ptr<std::int64_t>();
  const auto* image_of = images.data_ptr<std::int64_t>();
  const std::int64_t height = proto.size(2), width = proto.size(3);
  const double x = static_cast<double>(width) / static_cast<double>(image.width);
  const double y = static_cast<double>(height) / static_cast<double>(image.height);
  std::vector<Rows> all;
  for (std::int64_t i = 0; i < object_of.size(0); ++i) {
    const bool goes_on = !all.empty() && all.back().image == image_of[object[i]] &&
                         i - all.back().first < kAtOnce &&
                         (!by_object || object[i] == object[i - 1]);
    if (!goes_on) {
      Rows rows{image_of[object[i]], i, i, 0, height, 0, width};
      if (by_object) {
        const double* box = boxes.data_ptr<double>() + 4 * object[i];
        std::tie(rows.left, rows.right) = pixels_around(box[0] * x, box[2] * x, width);
        std::tie(rows.top, rows.bottom) = pixels_around(box[1] * y, box[3] * y, height);
      }
      all.push_back(rows);
    }
    all.back().end = i + 1;
  }
  return all;
}

/// Of each object, its number among those of its image, from 1.
at::Tensor numbers_in_image(const at::Tensor& images) {
  const auto* image = images.data_ptr<std::int64_t>();
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    numbers.push_back(i > 0 && image[i] == image[i - 1] ? numbers.back() + 1 : 1);
  }
  return torch::tensor(numbers, at::kLong);
}

/// [n, size] 0 or 1: which pixels of a line lie in [low, high).
at::Tensor pixels_between(const at::Tensor& low, const at::Tensor& high, std::int64_t size) {
  const at::Tensor pixel = at::arange(size, low.options());
  return pixel.ge(low.unsqueeze(1)).logical_and(pixel.lt(high.unsqueeze(1))).to(low.scalar_type());
}

/// What is wanted of the positives, and how much each of their pixels counts.
struct Wanted {
  at::Tensor masks;    ///< as MaskTargets, at the prototypes' resolution
  at::Tensor numbers;  ///< [f, 1, 1]; undefined if the masks are not joined
  at::Tensor objects;  ///< [f]
  at::Tensor across;   ///< [f, 1, w]
  at::Tensor down;     ///< [f, h, 1], with the weight of the positive

  at::Tensor of(const Rows& rows) const {
    const at::Tensor here = rows.part_of(masks);
    if (numbers.defined()) {
      return here[rows.image].eq(numbers.slice(0, rows.first, rows.end));
    }
    return here.index_select(0, objects.slice(0, rows.first, rows.end)).ne(0);
  }
  at::Tensor weights(const Rows& rows) const {
    const at::Tensor y = down.slice(0, rows.first, rows.end).slice(1, rows.top, rows.bottom);
    const at::Tensor x = across.slice(0, rows.first, rows.end).slice(2, rows.left, rows.right);
    return (y * x).flatten(1);
  }
};

struct MaskLoss : Function<MaskLoss> {
  static at::Tensor forward(AutogradContext* context,
                            const at::Tensor& coefficients,  // [f, k], of the positives
                            const at::Tensor& proto,         // [N, k, h, w]
                            const std::vector<Rows>& rows,
                            const Wanted& wanted) {
    at::Tensor loss = at::zeros({}, proto.options());
    const at::Tensor of_coefficients = at::zeros_like(coefficients);
    const at::Tensor of_proto = at::zeros_like(proto, at::MemoryFormat::Contiguous);
    for (const Rows& some : rows) {
      const at::Tensor coefficient = coefficients.slice(0, some.first, some.end);
      const at::Tensor here = some.part_of(proto[some.image]);
      const at::Tensor basis = here.flatten(1);
      const at::Tensor logits = coefficient.matmul(basis);
      const at::Tensor truth = wanted.of(some).flatten(1).to(logits.scalar_type());
      const at::Tensor weights = wanted.weights(some);
      loss += at::softplus(logits, 1, kLargestLogit).sub_(logits * truth).mul_(weights).sum();
      const at::Tensor slope = logits.sigmoid().sub_(truth).mul_(weights);
      of_coefficients.slice(0, some.first, some.end).copy_(slope.matmul(basis.t()));
      some.part_of(of_proto[some.image]).add_(coefficient.t().matmul(slope).view(here.sizes()));
    }
    context->save_for_backward({of_coefficients, of_proto});
    return loss;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    return {saved[0] * gradients[0], saved[1] * gradients[0], {}, {}};
  }
};

at::Tensor at_resolution(const at::Tensor& masks, std::int64_t height, std::int64_t width) {
  if (masks.size(1) == height && masks.size(2) == width) {
    return masks;
  }
  const auto nearest = [&](std::int64_t from, std::int64_t to) {
    return at::arange(to, masks.options().dtype(at::kLong)).mul(from).div(to, "floor");
  };
  return masks.index_select(1, nearest(masks.size(1), height))
      .index_select(2, nearest(masks.size(2), width));
}

}  // namespace

at::Tensor mask_loss(const at::Tensor& coefficients,
                     const at::Tensor& proto,
                     const Assignment& assignment,
                     const Targets& targets,
                     const MaskTargets& masks,
                     const data::PictureSize& image) {
  const std::int64_t wanted_masks = masks.joined ? proto.size(0) : targets.size();
  check(masks.masks.dim() == 3 && masks.masks.size(0) == wanted_masks, ErrorCode::kInvalidArgument,
        "[tasks] mask_loss: expected ", wanted_masks, " masks of height and width, got ",
        masks.masks.sizes());
  const std::int64_t height = proto.size(2), width = proto.size(3);
  const std::int64_t positives = assignment.places.size(0);
  const auto here = [&](const at::Tensor& t) { return t.to(proto.device(), true); };

  const at::Tensor sides = torch::tensor({image.width, image.height, image.width, image.height});
  const at::Tensor boxes = targets.boxes.to(proto.options(), /*non_blocking=*/true)
                               .reshape({-1, 4})
                               .index_select(0, assignment.objects) /
                           here(sides.to(proto.scalar_type()));
  const at::Tensor area =
      (boxes.select(1, 2) - boxes.select(1, 0)) * (boxes.select(1, 3) - boxes.select(1, 1));
  const at::Tensor weight = 1 / (area * static_cast<double>(height * width * positives));
  const auto inside = [&](std::int64_t axis, std::int64_t size) {
    const auto pixels = static_cast<double>(size);
    return pixels_between(boxes.select(1, axis) * pixels, boxes.select(1, axis + 2) * pixels, size);
  };
  Wanted wanted{.masks = at_resolution(here(masks.masks), height, width),
                .numbers = {},
                .objects = assignment.objects,
                .across = inside(0, width).unsqueeze(1),
                .down = (inside(1, height) * weight.unsqueeze(1)).unsqueeze(2)};
  if (masks.joined) {
    wanted.numbers = here(numbers_in_image(targets.images.contiguous()))
                         .index_select(0, assignment.objects)
                         .view({-1, 1, 1});
  }
  const at::Tensor own = coefficients.permute({0, 2, 1})
                             .reshape({-1, coefficients.size(1)})
                             .index_select(0, assignment.places);
  return MaskLoss::apply(own, proto, grouped(assignment, targets, image, proto), wanted);
}

}  // namespace lorae::tasks::vision
