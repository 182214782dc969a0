// `lorae weights` and `lorae adapter` as a person types them.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "adapters/adapter_file.h"
#include "tensors/safetensors.h"
#include "tensors/torch.h"
#include "tests/base/temporary_folder.h"
#include "tests/integration/process.h"
#include "tests/models/reference.h"
#include "tests/tensors/helpers.h"

namespace lorae::test {
namespace {

using lorae::testing::relative_error;
using models::testing::formula_tensor;
using models::testing::reference_options;
using nlohmann::json;

std::unique_ptr<models::Model> filled(const std::string& name, std::int64_t classes) {
  auto model = models::build(reference_options(name, classes), Seed{1});
  models::testing::fill_by_formula_(*model, 1.3);
  return model;
}

class Files : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const {
    return (folder_ / (name + ".safetensors")).string();
  }

  /// `lorae ...`, which must succeed. Returns what it printed.
  static std::string lorae(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "lorae");
    const Finished done = run(arguments);
    EXPECT_EQ(done.status, 0) << done.errors;
    return done.output;
  }

  /// `lorae ...`, which must fail with this status and say `part`.
  static void expect_refused(std::vector<std::string> arguments,
                             int status,
                             const std::string& part) {
    arguments.insert(arguments.begin(), "lorae");
    const Finished done = run(arguments);
    EXPECT_EQ(done.status, status) << done.errors;
    EXPECT_NE(done.errors.find(part), std::string::npos) << done.errors;
  }

  const TemporaryFolder folder_;
};

class AdapterCommand : public Files {
 protected:
  void SetUp() override {
    save_safetensors(path("weights"), filled(kName, 5)->backbone());
    save_safetensors(
        path("input"),
        StateDict({{"input", formula_tensor("input", {1, 3, 32, 32}, 0, 1).to(c10::kFloat)}}));
  }

  /// `lorae adapter create`, with mappers that do something.
  void create(const std::string& name, const std::string& rank, double size) const {
    lorae({"adapter", "create", kName, "--classes", "5", "--weights", path("weights"), "--output",
           path(name), "--rank", rank, "--seed", rank});
    adapters::Adapter adapter = adapters::load_adapter(path(name));
    for (const auto& [tensor_name, tensor] : adapter.state) {
      if (tensor_name.ends_with(adapters::kMapperSuffix)) {
        tensor.copy_(formula_tensor(tensor_name + rank, tensor.sizes().vec(), -size, size));
      }
    }
    adapters::save_adapter(path(name), adapter);
  }

  at::Tensor forward(const std::string& weights, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"forward",     "--model",   kName,         "--classes",
                                          "5",           "--weights", path(weights), "--input",
                                          path("input"), "--output",  path("output")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    lorae(arguments);
    return load_safetensors(path("output")).state.at("output");
  }

  static constexpr const char* kName = "resnet18";
};

TEST_F(AdapterCommand, CreatesInspectsAndFuses) {
  create("a", "4", 0.02);
  const json description = json::parse(lorae({"adapter", "inspect", path("a"), "--json"}));
  EXPECT_EQ(description.at("version"), 3);
  EXPECT_EQ(description.at("base_digest"), digest_of(filled(kName, 5)->backbone()).hex());
  EXPECT_EQ(description.at("layers").size(), 20U);
  EXPECT_NE(lorae({"adapter", "inspect", path("a")}).find("resnet18, 5 classes"),
            std::string::npos);

  lorae({"adapter", "fuse", path("a"), "--weights", path("weights"), "--output", path("fused")});
  const at::Tensor expected = forward("weights", {"--adapter", path("a")});
  EXPECT_LT(relative_error(forward("fused"), expected), 1e-5);
  EXPECT_GT(relative_error(forward("weights"), expected), 1e-3);
  // Everything that strict loading by the reference asks for.
  EXPECT_EQ(load_safetensors(path("fused")).state.size(), filled(kName, 5)->state().size());
}

TEST_F(AdapterCommand, ExtractsWhatWasFused) {
  create("a", "4", 0.02);
  lorae({"adapter", "fuse", path("a"), "--weights", path("weights"), "--output", path("fused")});
  const std::string printed =
      lorae({"adapter", "extract", path("fused"), "--model", kName, "--classes", "5", "--rank", "4",
             "--weights", path("weights"), "--output", path("again")});
  EXPECT_NE(printed.find("layer4.1.conv2            4     0.0"), std::string::npos) << printed;
  EXPECT_LT(relative_error(forward("weights", {"--adapter", path("again")}), forward("fused")),
            1e-4);
  // Half the rank leaves something out, and says so.
  const std::string halved =
      lorae({"adapter", "extract", path("fused"), "--model", kName, "--classes", "5", "--rank", "2",
             "--weights", path("weights"), "--output", path("half")});
  EXPECT_EQ(halved.find(" 0.00%"), std::string::npos) << halved;
}

TEST_F(AdapterCommand, SumsAdaptersOfDifferentRanks) {
  create("a", "4", 0.02);
  create("b", "8", 0.01);
  lorae({"adapter", "merge", path("a") + ":0.25", path("b") + ":0.75", "--output", path("sum")});
  const adapters::Adapter sum = adapters::load_adapter(path("sum"));
  EXPECT_EQ(sum.info.layers.front().rank, 12);
  lorae({"adapter", "fuse", path("sum"), "--weights", path("weights"), "--output", path("fused")});
  lorae({"adapter", "fuse", path("a"), "--weights", path("weights"), "--output", path("fused-a")});
  lorae({"adapter", "fuse", path("b"), "--weights", path("weights"), "--output", path("fused-b")});
  const auto weight = [&](const std::string& file) {
    return load_safetensors(path(file)).state.at("layer3.0.conv2.weight");
  };
  EXPECT_LT(relative_error(weight("fused"), 0.25 * weight("fused-a") + 0.75 * weight("fused-b")),
            1e-5);
  expect_refused(
      {"adapter", "merge", path("a") + ":0.5", path("b") + ":0.75", "--output", path("sum")}, 65,
      "expected weights that sum to 1, got 1.25");
  expect_refused({"adapter", "merge", path("a"), "--output", path("sum")}, 78,
                 "expected FILE:WEIGHT");
}

TEST_F(AdapterCommand, RefusesAnotherBackbone) {
  create("a", "4", 0.02);
  const auto other = filled(kName, 5);
  other->backbone().at("conv1.weight").mul_(2);
  save_safetensors(path("other"), other->backbone());
  expect_refused({"adapter", "fuse", path("a"), "--weights", path("other"), "--output", path("x")},
                 65, "it was trained on the backbone");
  expect_refused({"adapter", "create", kName, "--classes", "5", "--weights", path("weights"),
                  "--output", path("x"), "--targets", "layer9.*"},
                 78, "'layer9.*' matches no layer of this model");
}

class WeightsCommand : public Files {};

TEST_F(WeightsCommand, InspectsAndConvertsDtypes) {
  const auto model = filled("resnet18", 10);
  save_safetensors(path("weights"), model->backbone());
  for (const std::string dtype : {"float16", "bfloat16"}) {
    lorae({"weights", "convert", path("weights"), "--dtype", dtype, "--output", path(dtype)});
    const json inspected = json::parse(lorae({"weights", "inspect", path(dtype), "--json"}));
    EXPECT_EQ(inspected.at("tensors").at(0).at("dtype"), dtype == "float16" ? "F16" : "BF16");
    EXPECT_EQ(inspected.at("bytes").get<std::int64_t>(), 2 * model->backbone().numel());
    const Finished same =
        run({"lorae", "weights", "diff", path("weights"), path(dtype), "--tolerance", "0"});
    EXPECT_EQ(same.status, 1);
    // Half precision loads, rounded.
    const at::Tensor half = load_safetensors(path(dtype)).state.at("conv1.weight");
    EXPECT_LT(relative_error(half.to(c10::kFloat), model->backbone().at("conv1.weight")), 1e-2);
  }
  EXPECT_EQ(run({"lorae", "weights", "diff", path("weights"), path("weights")}).status, 0);
}

TEST_F(WeightsCommand, FitsACheckpointToAnotherNumberOfClasses) {
  const auto model = filled("yolov8n", 80);
  save_safetensors(path("coco"), model->backbone());
  const std::string printed = lorae({"weights", "convert", path("coco"), "--model", "yolov8n",
                                     "--classes", "20", "--output", path("voc")});
  // The small model's whole class branch is narrower for 20 classes.
  EXPECT_NE(printed.find("model.22.cv3.0.0.conv.weight: the file has [80, 64, 3, 3], the model "
                         "[64, 64, 3, 3]"),
            std::string::npos)
      << printed;
  const StateDict fitted = load_safetensors(path("voc")).state;
  EXPECT_TRUE(fitted.at("model.0.conv.weight").equal(model->backbone().at("model.0.conv.weight")));
  EXPECT_EQ(fitted.at("model.22.cv3.2.2.weight").size(0), 20);
}

TEST_F(WeightsCommand, KnowsThePrefixesOfWrappersAndEncoders) {
  const auto resnet = filled("resnet34", 1000);
  std::vector<StateDict::Entry> wrapped;
  for (const auto& [name, tensor] : resnet->backbone()) {
    wrapped.emplace_back("module." + name, tensor);
  }
  save_safetensors(path("wrapped"), StateDict(std::move(wrapped)));
  lorae({"weights", "convert", path("wrapped"), "--model", "resnet34", "--classes", "1000",
         "--output", path("plain")});
  EXPECT_TRUE(lorae::testing::same_bits(load_safetensors(path("plain")).state.at("fc.weight"),
                                        resnet->backbone().at("fc.weight")));
  const std::string printed = lorae({"weights", "convert", path("plain"), "--model",
                                     "unet_resnet34", "--classes", "2", "--output", path("unet")});
  EXPECT_NE(printed.find("renamed by +encoder."), std::string::npos) << printed;
  EXPECT_NE(printed.find("unused       fc.bias"), std::string::npos) << printed;
  EXPECT_TRUE(load_safetensors(path("unet"))
                  .state.at("encoder.layer4.2.conv2.weight")
                  .equal(resnet->backbone().at("layer4.2.conv2.weight")));
}

TEST_F(WeightsCommand, RefusesAWrongFile) {
  save_safetensors(path("resnet"), filled("resnet18", 10)->backbone());
  expect_refused({"weights", "convert", path("resnet"), "--model", "yolov8n", "--classes", "20",
                  "--output", path("x")},
                 65, "only 0 have a place in yolov8n; without one: bn1.bias");
  EXPECT_FALSE(std::filesystem::exists(path("x")));
}

}  // namespace
}  // namespace lorae::test
