#include "training/recipes.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"

namespace lorae::training {
namespace {

// Pieces of TOML in their order: keys of [train], then [model], then [augment].

constexpr std::string_view kAdam = R"(
[train]
optimizer = "adam"
learning_rate = 0.001
mapper_learning_rate_ratio = 1.0
decay_all = false
clip_norm = 10.0
)";

/// What all three columns of the paper's table share.
constexpr std::string_view kPaper = R"(
beta1 = 0.937
weight_decay = 0.0005
nominal_batch = 64
schedule = "linear"
stairs = true
final_fraction = 0.01
warmup_epochs = 3.0
warmup_least = 100
average_decay = 0.9999
average_ramp = 2000.0
epochs = 100
)";

constexpr std::string_view kPaperClassification = R"(
batch_size = 1024
[model]
height = 32
width = 32
mean = 0.0
standard_deviation = 1.0
[augment]
crop_area = 0.5
flip = 0.5
rand_augment = 2
rand_magnitude = 0.3
erasing = 0.4
)";

constexpr std::string_view kPaperObjects = R"(
batch_size = 16
sum_losses = true
box_gain = 7.5
class_gain = 0.5
dfl_gain = 1.5
[model]
height = 640
width = 640
mean = 0.0
standard_deviation = 1.0
)";

/// For networks that label pixels the paper names no loss and no change of pictures.
constexpr std::string_view kSemantic = R"(
warmup_epochs = 1.0
batch_size = 16
)";

constexpr std::string_view kScenes = R"(
[augment]
translate = 0.1
scale = 0.5
hue = 0.015
saturation = 0.7
value = 0.4
flip = 0.5
)";

constexpr std::string_view kMosaic = R"(
mosaic = 1.0
mosaic_off = 10
)";

struct Row {
  std::string_view recipe;
  std::string_view task;
  std::array<std::string_view, 5> pieces;
};

constexpr std::array kRecipes = {
    Row{"default", "classification", {}},
    Row{"default", "detection", {kAdam, kPaper, kPaperObjects, kScenes, kMosaic}},
    Row{"default", "segmentation", {kAdam, kPaper, kPaperObjects, kScenes, kMosaic}},
    Row{"default", "semantic", {kAdam, kSemantic, kScenes}},
    Row{"paper-cls", "classification", {kAdam, kPaper, kPaperClassification}},
    Row{"paper-det", "detection", {kAdam, kPaper, kPaperObjects, kScenes, kMosaic}},
    Row{"paper-seg", "segmentation", {kAdam, kPaper, kPaperObjects, kScenes, kMosaic}},
    Row{"paper-seg", "semantic", {kAdam, kSemantic, kScenes}},
};

}  // namespace

std::vector<std::string_view> recipe_names() {
  std::vector<std::string_view> names;
  for (const Row& row : kRecipes) {
    if (std::ranges::find(names, row.recipe) == names.end()) {
      names.push_back(row.recipe);
    }
  }
  return names;
}

std::string recipe_text(const std::string& recipe, const std::string& task) {
  std::vector<std::string> tasks;
  for (const Row& row : kRecipes) {
    if (row.recipe == recipe && row.task == task) {
      std::string text;
      for (const std::string_view piece : row.pieces) {
        text += piece;
      }
      return text;
    }
    if (row.recipe == recipe) {
      tasks.emplace_back(row.task);
    }
  }
  if (recipe == "default") {
    return {};  // a task of somebody's own
  }
  fail(ErrorCode::kInvalidConfig, "[train] recipe ", recipe, " is for ", join(tasks, " and "),
       ", not for ", task);
}

}  // namespace lorae::training
