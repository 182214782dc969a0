#include "training/recipes.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"

namespace lorae::training {
namespace {

/// What all three columns of the paper's table share.
constexpr std::string_view kPaper = R"(
[train]
optimizer = "adam"
learning_rate = 0.001
mapper_learning_rate_ratio = 1.0
beta1 = 0.937
weight_decay = 0.0005
decay_all = false
nominal_batch = 64
schedule = "linear"
stairs = true
final_fraction = 0.01
warmup_epochs = 3.0
warmup_least = 100
clip_norm = 10.0
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
[augment]
mosaic = 1.0
mosaic_off = 10
translate = 0.1
scale = 0.5
hue = 0.015
saturation = 0.7
value = 0.4
flip = 0.5
)";

/// For networks that label pixels the paper names no loss and no change of pictures.
constexpr std::string_view kSemantic = R"(
[train]
optimizer = "adam"
learning_rate = 0.001
mapper_learning_rate_ratio = 1.0
decay_all = false
clip_norm = 10.0
warmup_epochs = 1.0
batch_size = 16
[augment]
translate = 0.1
scale = 0.5
hue = 0.015
saturation = 0.7
value = 0.4
flip = 0.5
)";

struct Row {
  std::string_view recipe;
  std::string_view task;
  std::string_view first, second = {};
};

constexpr std::array kRecipes = {
    Row{"default", "classification", ""},
    Row{"default", "detection", kPaper, kPaperObjects},
    Row{"default", "segmentation", kPaper, kPaperObjects},
    Row{"default", "semantic", kSemantic},
    Row{"paper-cls", "classification", kPaper, kPaperClassification},
    Row{"paper-det", "detection", kPaper, kPaperObjects},
    Row{"paper-seg", "segmentation", kPaper, kPaperObjects},
    Row{"paper-seg", "semantic", kSemantic},
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
      return std::string(row.first).append(row.second);
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
