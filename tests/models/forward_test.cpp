#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "tensors/torch.h"
#include "tests/models/reference.h"

namespace lorae::models {
namespace {

using nlohmann::json;
using testing::expect_summary;

struct Case {
  std::string file;  ///< model_<file>.json
  std::string name;  ///< in our registry
  std::int64_t classes = 0;
};

std::vector<Case> cases() {
  const std::vector<Case> all = {{"resnet18", "resnet18", 100},
                                 {"yolov8n", "yolov8n", 20},
                                 {"yolov8n-seg", "yolov8n-seg", 23},
                                 {"yolov8n-cls", "yolov8n-cls", 100},
                                 {"yolov5su", "yolov5su", 20},
                                 {"yolo11n", "yolo11n", 20},
                                 {"yolo11n-cls", "yolo11n-cls", 100},
                                 {"efficientnet_b1", "efficientnet_b1", 100},
                                 {"unet_resnet34", "unet_resnet34", 3},
                                 {"deeplabv3_resnet101_tv", "deeplabv3_resnet101", 5},
                                 {"deeplabv3plus_resnet50_smp", "deeplabv3plus_resnet50", 3}};
  std::vector<Case> built;
  std::ranges::copy_if(all, std::back_inserter(built), [](const Case& c) {
    return std::ranges::find(model_names(), c.name) != model_names().end();
  });
  return built;
}

json golden(const std::string& file) {
  std::ifstream stream(LORAE_GOLDEN "/models/model_" + file + ".json");
  return json::parse(stream);
}

/// What a forward in `type` gives, by the names of the reference file.
std::map<std::string, at::Tensor> forward(const Case& c, const json& file, c10::ScalarType type) {
  const torch::NoGradGuard no_grad;
  const auto model = build(testing::reference_options(c.name, c.classes), Seed{1});
  testing::fill_by_formula_(*model, file.at("gain").get<double>());
  model->to(type);
  std::map<std::string, at::Tensor> values;
  model->network().observer = [&](const std::string& layer, const at::Tensor& value) {
    values[layer] = value.clone();  // activations that follow may be in place
  };
  const at::Tensor input =
      testing::formula_tensor(file.at("input_name").get<std::string>(),
                              file.at("input_shape").get<std::vector<std::int64_t>>(), 0, 1);
  for (const Output& output : model->predict(input.to(type))) {
    values[output.name] = output.value;
  }
  return values;
}

/// "decoded[B,4+nc,A] xywh ..." -> "decoded"; torchvision's "out" is what we call logits.
std::string bare(const std::string& name) {
  return name == "out" ? "logits" : name.substr(0, name.find('['));
}

class Forward : public ::testing::TestWithParam<Case> {};

TEST_P(Forward, IsTheReferencesInDoublePrecision) {
  const json file = golden(GetParam().file);
  const auto values = forward(GetParam(), file, c10::kDouble);
  std::size_t compared = 0;
  for (const auto& [name, expected] : file.at("outputs").items()) {
    SCOPED_TRACE(name);
    if (values.contains(bare(name))) {
      expect_summary(expected, values.at(bare(name)));
      ++compared;
    }
  }
  EXPECT_GE(compared, 1U);
  for (const auto& [name, expected] : file.at("intermediate").items()) {
    SCOPED_TRACE(name);
    if (values.contains(name)) {
      expect_summary(expected.at(0), values.at(name));
      ++compared;
    }
  }
  EXPECT_GT(compared, 1U) << "layers in between are compared too";
}

TEST_P(Forward, IsCloseInSinglePrecision) {
  const json file = golden(GetParam().file);
  const double bound = 4 * file.at("float32_max_abs_deviation").get<double>();
  const auto exact = forward(GetParam(), file, c10::kDouble);
  for (const auto& [name, value] : forward(GetParam(), file, c10::kFloat)) {
    if (file.at("outputs").contains(name) || name == "decoded") {
      EXPECT_LT((value - exact.at(name)).abs().max().item<double>(), bound) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Forward, ::testing::ValuesIn(cases()), [](const auto& test) {
  std::string name = test.param.file;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace lorae::models
