#include <algorithm>

#include "base/error.h"
#include "models/model.h"
#include "models/nets/deeplab.h"
#include "models/nets/efficientnet.h"
#include "models/nets/faster_rcnn/faster_rcnn.h"
#include "models/nets/resnet.h"
#include "models/nets/unet.h"
#include "models/nets/yolo/yolo.h"

namespace lorae::models {
namespace {

/// Architectures that one function builds from a name.
struct Family {
  std::vector<std::string> names;
  std::unique_ptr<Network> (*make)(const ModelOptions&);
  std::string_view task;
};

/// For networks that are made of the options alone.
template <typename Net>
[[maybe_unused]] std::unique_ptr<Network> make(const ModelOptions& options) {
  return std::make_unique<Net>(options);
}

std::unique_ptr<Network> make_resnet(const ModelOptions& options) {
  return build_resnet({.table = resnet_table(options.name),
                       .norm = {.groups = options.norm_groups},
                       .small_stem = options.stem == "small",
                       .channels = options.channels},
                      options.classes);
}

std::unique_ptr<Network> make_yolo(const ModelOptions& options) {
  return yolo::build_yolo(options.name, options.channels, options.classes);
}

std::unique_ptr<Network> make_efficientnet(const ModelOptions& options) {
  return build_efficientnet(options.name, options.channels, options.classes);
}

std::unique_ptr<Network> make_unet(const ModelOptions& options) {
  return build_unet(options.channels, options.classes);
}

/// "deeplabv3_resnet50" -> "resnet50".
std::string encoder_of(const ModelOptions& options) {
  return options.name.substr(options.name.find('_') + 1);
}

std::unique_ptr<Network> make_deeplabv3(const ModelOptions& options) {
  return build_deeplabv3(encoder_of(options), options.channels, options.classes);
}

std::unique_ptr<Network> make_deeplabv3plus(const ModelOptions& options) {
  return build_deeplabv3plus(encoder_of(options), options.channels, options.classes);
}

std::unique_ptr<Network> make_faster_rcnn(const ModelOptions& options) {
  check(options.channels == 3, ErrorCode::kInvalidConfig, "[models] ", options.name,
        " normalises RGB images: expected channels = 3, got ", options.channels);
  return std::make_unique<FasterRcnn>(
      FasterRcnnOptions{.classes = options.classes, .frozen_norm = !options.name.ends_with("_bn")});
}

/// Those YOLO names that end so: "-cls", "-seg", or neither.
std::vector<std::string> yolo_names(std::string_view ending) {
  std::vector<std::string> names = yolo::names();
  std::erase_if(names, [ending](const std::string& name) {
    const std::size_t dash = name.find('-');
    return (dash == std::string::npos ? "" : name.substr(dash)) != ending;
  });
  return names;
}

// A new model is a file of its own and one line here: docs/adding_a_model.md.
const std::vector<Family>& families() {
  static const std::vector<Family> all = {
      {{"resnet8", "resnet8w64", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"},
       &make_resnet,
       "classification"},
      {{"efficientnet_b0", "efficientnet_b1"}, &make_efficientnet, "classification"},
      {yolo_names("-cls"), &make_yolo, "classification"},
      {yolo_names(""), &make_yolo, "detection"},
      {yolo_names("-seg"), &make_yolo, "segmentation"},
      {{"fasterrcnn_resnet50_fpn", "fasterrcnn_resnet50_fpn_bn"}, &make_faster_rcnn, "detection"},
      {{"unet_resnet34"}, &make_unet, "semantic"},
      {{"deeplabv3_resnet50", "deeplabv3_resnet101"}, &make_deeplabv3, "semantic"},
      {{"deeplabv3plus_resnet50", "deeplabv3plus_resnet101"}, &make_deeplabv3plus, "semantic"},
  };
  return all;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += str(text.empty() ? "" : ", ", name);
  }
  return text;
}

}  // namespace

const std::vector<std::string>& model_names() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names;
    for (const Family& family : families()) {
      names.insert(names.end(), family.names.begin(), family.names.end());
    }
    return names;
  }();
  return all;
}

std::vector<std::string_view> known_models() {
  return {model_names().begin(), model_names().end()};
}

namespace {

const Family& family_of(const std::string& name) {
  for (const Family& family : families()) {
    if (std::ranges::find(family.names, name) != family.names.end()) {
      return family;
    }
  }
  fail(ErrorCode::kInvalidConfig, "[models] unknown model '", name,
       "'; known: ", listed(model_names()));
}

}  // namespace

std::string_view task_of(const std::string& model) {
  return family_of(model).task;
}

std::int64_t side_multiple(const std::string& model) {
  const Family& family = family_of(model);
  const bool joins_maps =
      family.make == &make_unet || (family.make == &make_yolo && family.task != "classification");
  return joins_maps ? 32 : 1;
}

std::int64_t background_outputs(const std::string& model) {
  return task_of(model) == "semantic" || model.starts_with("fasterrcnn") ? 1 : 0;
}

std::unique_ptr<Model> build(const ModelOptions& options, std::optional<Seed> seed) {
  const Family& family = family_of(options.name);
  check(options.classes > 1 || family.task != "classification", ErrorCode::kInvalidConfig,
        "[models] classes: expected at least 2 of a classifier, got ", options.classes);
  check(options.norm_groups == 0 || family.make == &make_resnet, ErrorCode::kInvalidConfig,
        "[models] norm_groups: ", options.name,
        " is made with BatchNorm; only ResNets take groups");
  return std::make_unique<Model>(options, family.make(options), seed);
}

}  // namespace lorae::models
