// `lorae models`, `params` and `forward` as a person types them.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "adapters/adapter_file.h"
#include "base/seed.h"
#include "tensors/safetensors.h"
#include "tensors/torch.h"
#include "tests/base/temporary_folder.h"
#include "tests/integration/process.h"
#include "tests/models/reference.h"
#include "tests/tensors/helpers.h"

namespace lorae::test {
namespace {

using models::testing::formula_tensor;
using models::testing::reference_options;
using nlohmann::json;

TEST(ModelCommands, ListEveryModelThatCanBeBuilt) {
  const Finished listed = run({"lorae", "models", "--json"});
  ASSERT_EQ(listed.status, 0) << listed.errors;
  EXPECT_EQ(json::parse(listed.output).get<std::vector<std::string>>(), models::model_names());
}

TEST(ModelCommands, CountAsThePaperDoes) {
  const Finished paper = run({"lorae", "params", "--paper"});
  ASSERT_EQ(paper.status, 0) << paper.errors;
  EXPECT_NE(paper.output.find("73 of 76 cells agree"), std::string::npos) << paper.output;
  EXPECT_EQ(paper.output.find("  differs\n"), std::string::npos) << "a whole model's size";
  EXPECT_EQ(paper.output.find("  differs:"), std::string::npos) << "a whole model's size";
  EXPECT_NE(paper.output.find("Faster R-CNN       41.53   41.53  agrees"), std::string::npos);

  const Finished counted =
      run({"lorae", "params", "yolov8n", "--classes", "20", "--rank", "8", "--json"});
  ASSERT_EQ(counted.status, 0) << counted.errors;
  const json counts = json::parse(counted.output);
  EXPECT_EQ(counts.at("total_parameters"), 3014748);
  EXPECT_EQ(counts.at("adapter_parameters"), 8 * 35947);
  EXPECT_EQ(counts.at("state").size(), 355U);
}

TEST(ModelCommands, PredictTheBytesOfARound) {
  const Finished done = run({"lorae", "params", "resnet8", "--classes", "10", "--channels", "1",
                             "--stem", "small", "--bytes", "--uplink", "float32"});
  ASSERT_EQ(done.status, 0) << done.errors;
  // 32,850 numbers of four bytes, and a length for each of the ten layers.
  EXPECT_NE(done.output.find("lorae             32850         131440"), std::string::npos)
      << done.output;
}

TEST(ModelCommands, PredictTheBytesOfARunFromItsConfiguration) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  const TemporaryFolder folder;
  std::ofstream(folder / "run.toml")
      << "[model]\npool = 4\n[data]\npublic_images = 300\nprivate_images = 160\n"
         "test_images = 100\n[pretraining]\nepochs = 1\n[federation]\nrounds = 40\n"
         "clients = 4\ncohort = 2\n[[methods]]\nname = \"plain\"\nkind = \"full\"\n"
         "uplink = \"float32\"\ndownlink = \"float32\"\n";
  const std::string config = folder / "run.toml";
  const Finished done = run({"lorae", "params", "--bytes", "--config", config, "--rounds-measured",
                             "4", "--home", (folder / "home").string()});
  ASSERT_EQ(done.status, 0) << done.errors;
  EXPECT_NE(done.output.find("plain                 1227"), std::string::npos) << done.output;
  EXPECT_NE(done.output.find("from the first 4:"), std::string::npos) << done.output;
  EXPECT_NE(done.output.find("the mean of 40 rounds"), std::string::npos) << done.output;

  EXPECT_NE(run({"lorae", "params", "--config", config}).status, 0) << "without --bytes";
  EXPECT_NE(run({"lorae", "params", "resnet8", "--bytes", "--config", config}).status, 0);
  EXPECT_NE(run({"lorae", "params", "resnet8", "--bytes", "--set", "seed=1"}).status, 0);
  for (const std::vector<std::string>& ignored :
       std::vector<std::vector<std::string>>{{"resnet8", "--bytes", "--json"},
                                             {"resnet8", "--uplink", "zstd"},
                                             {"--bytes", "--config", config, "--downlink", "zstd"},
                                             {"--paper", "--json"},
                                             {"--paper", "resnet8"}}) {
    std::vector<std::string> asked = {"lorae", "params"};
    asked.insert(asked.end(), ignored.begin(), ignored.end());
    EXPECT_GT(run(asked).status, 100) << ignored.back();
  }
}

TEST(ModelCommands, TargetsChangeTheCount) {
  const auto adapter = [](const std::string& targets) {
    const Finished done =
        run({"lorae", "params", "resnet18", "--classes", "10", "--targets", targets, "--json"});
    EXPECT_EQ(done.status, 0) << done.errors;
    return json::parse(done.output).at("adapter_parameters").get<std::int64_t>();
  };
  EXPECT_GT(adapter("all"), adapter("spatial"));
  EXPECT_EQ(adapter("all") - adapter("spatial"), adapter("*.downsample.0"));
  EXPECT_EQ(adapter("fc"), 8 * (512 + 10));
}

TEST(ModelCommands, ProfileCountsMacs) {
  const Finished done = run({"lorae", "profile", "resnet18", "--side", "64", "--json"});
  ASSERT_EQ(done.status, 0) << done.errors;
  const json layers = json::parse(done.output);
  EXPECT_EQ(layers.at(0).at("positions"), 32 * 32);
  EXPECT_EQ(layers.at(0).at("macs"), 32 * 32 * 64 * 3 * 49);
  EXPECT_EQ(layers.at(0).at("adapter_macs"), 32 * 32 * 8 * (3 * 49 + 64));
  EXPECT_GT(layers.at(0).at("forward_ms").get<double>(), 0);
}

TEST(ModelCommands, RefuseAnUnknownModel) {
  const Finished refused = run({"lorae", "params", "yolov9n"});
  EXPECT_EQ(refused.status, 78);
  EXPECT_NE(refused.errors.find("unknown model 'yolov9n'"), std::string::npos) << refused.errors;
}

/// One round of a configuration of configs/, on a few images.
void run_for_a_round(const std::string& config, const std::vector<std::string>& settings = {}) {
  const TemporaryFolder folder;
  std::vector<std::string> arguments = {
      "lorae-simulate", LORAE_SOURCE "/configs/" + config + ".toml",
      "--home",         (folder / "home").string(),
      "--out",          (folder / "out").string()};
  std::vector<std::string> all = {"federation.rounds=1",    "federation.clients=4",
                                  "federation.cohort=2",    "data.public_images=128",
                                  "data.private_images=96", "data.test_images=32",
                                  "pretraining.epochs=1",   "training.local_epochs=1"};
  all.insert(all.end(), settings.begin(), settings.end());
  for (const std::string& setting : all) {
    arguments.insert(arguments.end(), {"--set", setting});
  }
  const Finished done = run(arguments);
  ASSERT_EQ(done.status, 0) << done.errors;
  std::ifstream file(folder / "out/comparison.json");
  const json comparison = json::parse(file);
  EXPECT_EQ(comparison.at("runs").size(), 2U);
  EXPECT_GT(comparison.at("ratios").at(0).at("uplink_ratio").get<double>(), 20.0);
}

/// A configuration of configs/ that names a model of a family.
class ModelConfigs : public ::testing::TestWithParam<const char*> {};

TEST_P(ModelConfigs, RunForARound) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  run_for_a_round(GetParam());
}

/// `records` images of CIFAR-100's binary format; every class has a colour.
void write_cifar100(const std::filesystem::path& file, int records) {
  Random random(7);
  std::ofstream out(file, std::ios::binary);
  for (int i = 0; i < records; ++i) {
    const int fine = i % 100;
    std::string record{static_cast<char>(fine / 5), static_cast<char>(fine)};
    for (int pixel = 0; pixel < 3 * 32 * 32; ++pixel) {
      const int colour = 40 * (fine / (pixel < 1024 ? 25 : pixel < 2048 ? 5 : 1) % 5);
      record += static_cast<char>(colour + static_cast<int>(random.below(50)));
    }
    out << record;
  }
}

TEST(DataConfigs, Cifar100RunsForARound) {
  const TemporaryFolder folder;
  std::ofstream names(folder / "fine_label_names.txt");
  for (int k = 0; k < 100; ++k) {
    names << "class" << k << '\n';
  }
  names.close();
  write_cifar100(folder / "train.bin", 448);
  write_cifar100(folder / "test.bin", 100);
  run_for_a_round("resnet18-cifar100",
                  {"data.path=" + folder.path().string(), "data.private_images=300"});
}

INSTANTIATE_TEST_SUITE_P(Classifiers,
                         ModelConfigs,
                         ::testing::Values("yolov8n-cls-fashion-mnist",
                                           "yolo11n-cls-fashion-mnist",
                                           "efficientnet_b1-fashion-mnist"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

/// Files for one forward, and the model that they hold.
class ForwardCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    models::testing::fill_by_formula_(*model_, 1.7);
    save_safetensors(path("weights"), model_->backbone());
    save_safetensors(path("input"), StateDict({{"input", input_.to(c10::kFloat)}}));
  }

  std::string path(const std::string& name) const {
    return (folder_ / (name + ".safetensors")).string();
  }

  Finished forward(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"lorae",     "forward",     "--model",   kName,
                                          "--classes", "5",           "--weights", path("weights"),
                                          "--input",   path("input"), "--output",  path("output"),
                                          "--dtype",   "float64"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }

  at::Tensor expected() {
    const torch::NoGradGuard no_grad;
    model_->to(c10::kDouble);
    return model_->predict(input_).front().value;
  }

  static constexpr const char* kName = "yolov8n-cls";
  const TemporaryFolder folder_;
  const at::Tensor input_ = formula_tensor("input", {2, 3, 32, 32}, 0, 1);
  std::unique_ptr<models::Model> model_ = models::build(reference_options(kName, 5), Seed{1});
};

TEST_F(ForwardCommand, GivesTheModelsOutputs) {
  const Finished done = forward({"--intermediate"});
  ASSERT_EQ(done.status, 0) << done.errors;
  const StateDict outputs = load_safetensors(path("output")).state;
  EXPECT_TRUE(outputs.at("output.0").equal(expected()));
  EXPECT_TRUE(outputs.at("softmax").equal(outputs.at("output.0")));
  EXPECT_EQ(outputs.at("model.8").size(1), 256);
}

TEST_F(ForwardCommand, TakesAnAdapterFusedOrNot) {
  model_->attach_adapters({.rank = 4, .alpha = 8}, Seed{2});
  std::vector<StateDict::Entry> entries;
  for (const StateDict& part : {model_->adapter(), model_->head()}) {
    for (const auto& [name, tensor] : part) {
      tensor.copy_(formula_tensor(name, tensor.sizes().vec(), -0.1, 0.1));
      entries.emplace_back(name, tensor);
    }
  }
  adapters::save_adapter(path("adapter"), {.info = {.model = kName,
                                                    .kind = adapters::Kind::kLorae,
                                                    .classes = 5,
                                                    .layers = model_->adapter_layers()},
                                           .state = StateDict(std::move(entries))});
  const at::Tensor reference = expected();
  for (const std::vector<std::string>& fused :
       {std::vector<std::string>{}, std::vector<std::string>{"--fused"}}) {
    std::vector<std::string> arguments{"--adapter", path("adapter")};
    arguments.insert(arguments.end(), fused.begin(), fused.end());
    const Finished done = forward(arguments);
    ASSERT_EQ(done.status, 0) << done.errors;
    const at::Tensor got = load_safetensors(path("output")).state.at("output.0");
    EXPECT_LT(testing::relative_error(got, reference), 1e-12);
  }
}

TEST_F(ForwardCommand, RefusesWeightsOfAnotherModel) {
  save_safetensors(path("weights"),
                   models::build(reference_options("yolov8n-cls", 6), Seed{1})->backbone());
  const Finished refused = forward();
  EXPECT_EQ(refused.status, 65) << refused.errors;
  EXPECT_NE(refused.errors.find("of another shape: model.9.linear.weight"), std::string::npos)
      << refused.errors;
}

TEST_F(ForwardCommand, RefusesAnInputWithoutItsTensor) {
  save_safetensors(path("input"), StateDict({{"image", torch::ones({1, 3, 32, 32})}}));
  const Finished refused = forward();
  EXPECT_EQ(refused.status, 78);
  EXPECT_NE(refused.errors.find("has no tensor named 'input'"), std::string::npos)
      << refused.errors;
}

}  // namespace
}  // namespace lorae::test
