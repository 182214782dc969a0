#include "training/shares.h"

#include <numeric>

#include "base/error.h"
#include "data/formats/open.h"
#include "data/split.h"
#include "tensors/torch.h"

namespace lorae::training {
namespace {

/// A shift makes a domain of its own out of pictures that everybody has: for trying things out.
/// Images that somebody brings are never altered.
void check_shift(const DataOptions& options) {
  check(options.shift == Shift::kNone || options.path == DataOptions{}.path,
        ErrorCode::kInvalidConfig, "data.shift: '", name_of(options.shift),
        "' belongs to the demonstration on '", DataOptions{}.path,
        "'; images of your own are never altered: set data.shift = \"none\"");
}

data::DatasetPtr sound(data::DatasetPtr images, data::Damaged damaged) {
  return damaged == data::Damaged::kSkip ? data::without_damaged(std::move(images)) : images;
}

data::DatasetPtr open(const DataOptions& options,
                      const models::ModelOptions& model,
                      data::Split split) {
  check_shift(options);
  auto images = data::open_dataset(options.path, model.channels, split,
                                   {.damaged = options.damaged, .halves = options.split});
  check_classes(*images, model);
  return sound(std::move(images), options.damaged);
}

data::DomainSplit split_train(const data::Dataset& images, const DataOptions& options, Seed seed) {
  return data::split_domain(images.size(), options.public_images, options.private_images,
                            seed.derive("domains"));
}

/// Of the demonstration's images, which lie in memory.
data::DatasetPtr shifted(data::DatasetPtr images, const DataOptions& options) {
  return options.shift == Shift::kRotateInvert
             ? data::memory_dataset(data::shifted_domain(*images->in_memory()))
             : images;
}

/// `indices` of `images`, as the model takes them.
data::DatasetPtr chosen(const data::DatasetPtr& images,
                        std::vector<std::int64_t> indices,
                        const models::ModelOptions& model) {
  return data::held_if_small(data::subset(images, std::move(indices)), input_shape(model));
}

}  // namespace

data::ImageShape input_shape(const models::ModelOptions& model) {
  return {model.channels, model.height, model.width};
}

void check_classes(const data::Dataset& images, const models::ModelOptions& model) {
  const std::int64_t shown = model.classes - models::background_outputs(model.name);
  check(std::ssize(images.classes()) <= shown, ErrorCode::kIncompatible, "[data] the images have ",
        images.classes().size(), " classes, the model only ", shown,
        " outputs for classes; set model.classes");
}

std::vector<std::string> class_names(const DataOptions& options) {
  check_shift(options);
  return data::class_names(options.path);
}

data::DatasetPtr public_images(const DataOptions& options,
                               const models::ModelOptions& model,
                               Seed seed) {
  const auto images = open(options, model, data::Split::kTrain);
  return chosen(images, split_train(*images, options, seed).public_indices, model);
}

data::DatasetPtr private_images(const DataOptions& options,
                                const models::ModelOptions& model,
                                Seed seed) {
  const auto images = open(options, model, data::Split::kTrain);
  return shifted(chosen(images, split_train(*images, options, seed).private_indices, model),
                 options);
}

data::DatasetPtr test_images(const DataOptions& options,
                             const models::ModelOptions& model,
                             Seed seed) {
  const auto images = open(options, model, data::Split::kTest);
  const auto drawn =
      data::split_domain(images->size(), 0, options.test_images, seed.derive("test"));
  return shifted(chosen(images, drawn.private_indices, model), options);
}

data::Shares private_shares(const DataOptions& options,
                            const data::Dataset& images,
                            std::int64_t shares,
                            Seed seed) {
  return data::deal(images,
                    {.rule = options.partition,
                     .alpha = options.dirichlet_alpha,
                     .min_images = options.min_images,
                     .shards = options.shards},
                    shares, seed.derive("shares"));
}

data::DatasetPtr own_images(const std::filesystem::path& path,
                            const data::ClassMap& map,
                            const data::SharePart& part,
                            const Plan& plan) {
  check(plan.data.shift == Shift::kNone, ErrorCode::kInvalidConfig,
        "[data] this run is the demonstration", " (data.shift = \"", name_of(plan.data.shift),
        "\"), whose images are turned and inverted; '", path.string(),
        "' does not fit it: give the coordinator a configuration or --data of its ",
        "own, or this client no data");
  auto images = data::open_dataset(path, plan.model.channels, data::Split::kTrain,
                                   {.holding = data::Holding::kPart, .damaged = plan.data.damaged});
  images = data::relabelled(images, data::match_classes(images->classes(), plan.task.classes, map),
                            plan.task.classes);
  if (part.count > 1) {
    // By the images alone, so that devices with the same copy take different parts of it.
    const auto shares = data::partition_iid(images->size(), part.count, Seed{});
    images = data::subset(images, shares.at(static_cast<std::size_t>(part.index)));
  }
  return data::held_if_small(sound(images, plan.data.damaged), input_shape(plan.model));
}

}  // namespace lorae::training
