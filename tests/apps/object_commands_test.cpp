// `lorae train`, `val` and `predict` of networks that find and outline objects, and a federation of
// them, on composed scenes, as a person types them.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/base/temporary_folder.h"
#include "tests/data/files.h"
#include "tests/integration/process.h"

namespace lorae::test {
namespace {

using nlohmann::json;
namespace files = data::testing;

class ObjectCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
      GTEST_SKIP() << "needs the package dataset-fashion-mnist";
    }
    const Finished made = run({"lorae", "data", "scenes", path("set"), "--images", "12", "--val",
                               "10", "--image-size", "64", "--classes", "3", "--seed", "3"});
    ASSERT_EQ(made.status, 0) << made.errors;
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  Finished train(const std::string& model,
                 const std::string& out,
                 std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {
        "lorae",     "train",   path("set"), "--model", model,   "--image-size",    "64",
        "--out",     path(out), "--batch",   "4",       "--set", "train.workers=2", "--set",
        "threads=1", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }

  static json ended(const Finished& done) {
    EXPECT_EQ(done.status, 0) << done.errors;
    return done.status == 0 ? json::parse(done.output) : json{};
  }

  const TemporaryFolder folder_;
};

TEST_F(ObjectCommands, TrainMeasureAndPredictOutlines) {
  const json trained = ended(train(
      "yolov8n-seg", "full", {"--kind", "full", "--epochs", "2", "--set", "augment.mosaic_off=1"}));
  EXPECT_EQ(trained.at("task"), "segmentation");
  EXPECT_EQ(trained.at("main_metric"), "mask_map50_95");
  for (const char* metric : {"precision", "recall", "map50", "map50_95", "mask_precision",
                             "mask_recall", "mask_map50", "mask_map50_95"}) {
    EXPECT_TRUE(trained.at("metrics").contains(metric)) << metric;
  }
  std::ifstream results(folder_ / "full/results.csv");
  std::string head;
  std::getline(results, head);
  EXPECT_TRUE(
      head.starts_with("epoch,step,seconds,lr,train/loss,train/box,train/mask,train/class,"))
      << head;

  const std::vector<std::string> val = {"lorae", "val",        path("set"),
                                        "--run", path("full"), "--json"};
  const json judged = ended(run(val));
  EXPECT_EQ(judged.at("metrics"), trained.at("metrics")) << "as training measured it";
  EXPECT_EQ(judged.at("protocol"), "ultralytics");
  EXPECT_GT(judged.at("instances").get<int>(), 5);
  std::vector<std::string> coco = val;
  coco.insert(coco.end(), {"--protocol", "coco", "--save-json", path("results.json")});
  const json by_model = ended(run(coco));
  const json by_file = ended(run({"lorae", "val", path("set"), "--protocol", "coco",
                                  "--predictions", path("results.json"), "--json"}));
  for (const auto& [name, value] : by_model.at("metrics").items()) {
    if (!json::parse(std::ifstream(folder_ / "results.json")).empty()) {
      EXPECT_NEAR(by_file.at("metrics").at(name).get<double>(), value.get<double>(), 1e-6) << name;
    }
  }

  for (const char* of_a_model : {"--run", "--conf", "--save-json"}) {
    const std::string value = of_a_model == std::string("--conf") ? "0.5" : path("full");
    EXPECT_GT(
        run({"lorae", "val", path("set"), "--predictions", path("results.json"), of_a_model, value})
            .status,
        100)
        << of_a_model << " would do nothing";
  }

  std::vector<std::string> drawn = val;
  drawn.insert(drawn.end(), {"--out", path("judged")});
  EXPECT_EQ(ended(run(drawn)).at("metrics"), trained.at("metrics"));
  ended(run(drawn));  // once more into its own folder
  for (const char* file : {"report.html", "figures.json", "predictions.jpg"}) {
    EXPECT_TRUE(std::filesystem::exists(folder_ / "judged" / file)) << file;
    EXPECT_TRUE(std::filesystem::exists(folder_ / "full" / file)) << file;
  }
  const json figures = json::parse(std::ifstream(folder_ / "judged/figures.json"));
  EXPECT_EQ(figures.at("curves").size(), 2U) << "masks and boxes";
  EXPECT_EQ(figures.at("confusion").at("counted"), "objects");
  drawn.back() = path("full");
  const Finished refused = run(drawn);
  EXPECT_EQ(refused.status, 78);
  EXPECT_NE(refused.errors.find("holds a training"), std::string::npos) << refused.errors;

  const Finished told =
      run({"lorae", "predict", path("set") + "/images/val", "--run", path("full"), "--save",
           path("seen"), "--conf", "0.0001", "--max-det", "3", "--json"});
  std::istringstream lines(told.output);
  int pictures = 0;
  for (std::string line; std::getline(lines, line); ++pictures) {
    const json picture = json::parse(line);
    EXPECT_EQ(picture.at("width"), 64);
    EXPECT_LE(picture.at("objects").size(), 3U);
    for (const json& object : picture.at("objects")) {
      EXPECT_EQ(object.at("box").size(), 4U);
      EXPECT_TRUE(object.contains("polygons"));
    }
    EXPECT_TRUE(std::filesystem::exists(
        folder_ / "seen" /
        std::filesystem::path(picture.at("file").get<std::string>()).filename()));
  }
  EXPECT_EQ(pictures, 10) << told.errors;
}

TEST_F(ObjectCommands, ResultsHaveTheIdsOfACocoFile) {
  const Finished made = run({"lorae", "data", "scenes", path("coco"), "--images", "2", "--val", "6",
                             "--image-size", "64", "--classes", "3", "--format", "coco"});
  ASSERT_EQ(made.status, 0) << made.errors;
  const auto file = folder_ / "coco/annotations/instances_val.json";
  json all = json::parse(std::ifstream(file));
  const auto change = [](json& id, int factor) { id = factor * id.get<int>() + 3; };
  for (json& picture : all.at("images")) {
    change(picture.at("id"), 5);
  }
  for (json& category : all.at("categories")) {
    change(category.at("id"), 2);
  }
  json results = json::array();
  for (json& one : all.at("annotations")) {
    change(one.at("image_id"), 5);
    change(one.at("category_id"), 2);
    results.push_back({{"image_id", one.at("image_id")},
                       {"category_id", one.at("category_id")},
                       {"bbox", one.at("bbox")},
                       {"score", 0.5}});
  }
  std::ofstream(file) << all;
  std::ofstream(folder_ / "results.json") << results;
  const json judged = ended(run({"lorae", "val", path("coco"), "--protocol", "coco",
                                 "--predictions", path("results.json"), "--json"}));
  EXPECT_NEAR(judged.at("metrics").at("map50").get<double>(), 1, 1e-9);
  results[0]["category_id"] = 4;  // as if they counted from 1
  std::ofstream(folder_ / "results.json") << results;
  const Finished refused = run({"lorae", "val", path("coco"), "--protocol", "coco", "--predictions",
                                path("results.json"), "--json"});
  EXPECT_NE(refused.errors.find("is no class of the data set"), std::string::npos)
      << refused.errors;
}

TEST_F(ObjectCommands, PixelsAreLabelled) {
  const json trained = ended(train("unet_resnet34", "net", {"--kind", "full", "--epochs", "1"}));
  EXPECT_EQ(trained.at("task"), "semantic");
  EXPECT_EQ(json::parse(std::ifstream(folder_ / "net/figures.json")).at("confusion").at("counted"),
            "pixels");
  EXPECT_TRUE(std::filesystem::exists(folder_ / "net/predictions.jpg"));
  EXPECT_TRUE(trained.at("metrics").contains("miou"));
  const json judged = ended(run({"lorae", "val", path("set"), "--run", path("net"), "--json"}));
  EXPECT_EQ(judged.at("metrics"), trained.at("metrics"));
  const json said = ended(run({"lorae", "predict", path("set") + "/images/val/val000000.png",
                               "--run", path("net"), "--save", path("seen"), "--json"}));
  double sum = 0;
  for (const json& shown : said.at("classes")) {
    sum += shown.at("share").get<double>();
  }
  EXPECT_LE(sum, 1);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "seen/val000000.png"));
}

TEST_F(ObjectCommands, AdaptersWithTrainedNormsAreFilesLikeOthers) {
  const json backbone = ended(train("yolov8n", "full", {"--kind", "full", "--epochs", "1"}));
  const std::vector<std::string> adapt = {"--kind",    "lorae",
                                          "--rank",    "2",
                                          "--weights", path("full/last.safetensors"),
                                          "--set",     "train.norm=trained"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), adapt.begin(), adapt.end());
    return more;
  };
  const json whole = ended(train("yolov8n", "whole", with({"--epochs", "2"})));
  EXPECT_LT(whole.at("trained_parameters").get<int>(),
            backbone.at("trained_parameters").get<int>() / 4);
  const json judged = ended(run({"lorae", "val", path("set"), "--run", path("whole"), "--json"}));
  EXPECT_EQ(judged.at("metrics"), whole.at("metrics"));
}

/// Without the paths.
constexpr const char* kFederation = R"(
model.name = "yolov8n"
model.stem = "standard"
model.classes = 3
model.channels = 3
model.height = 64
model.width = 64
model.pool = 1
model.mean = 0.0
model.standard_deviation = 1.0
data.public_images = 0
data.private_images = 12
data.test_images = 10
data.partition = "iid"
training = { local_epochs = 1, batch_size = 4, optimizer = "adam" }
augment = { flip = 0.5, mosaic = 1.0 }
federation = { rounds = 2, clients = 3, cohort = 2 }
methods = [
  { name = "lorae-r2", rank = 2, norm = "trained", learning_rate = 0.001 },
  { name = "full", kind = "full", learning_rate = 0.001 },
]
)";

TEST_F(ObjectCommands, DevicesAdaptADetectorTogether) {
  ended(train("yolov8n", "full", {"--kind", "full", "--epochs", "1"}));
  std::ofstream(folder_ / "run.toml") << "model.weights = '" << path("full/last.safetensors")
                                      << "'\ndata.path = '" << path("set") << "'\n"
                                      << kFederation;
  const auto simulate = [&](const std::string& out, const std::string& threads) {
    return run({"lorae-simulate", path("run.toml"), "--out", path(out), "--home", path("home"),
                "--set", "simulation.threads=" + threads});
  };
  ASSERT_EQ(simulate("two", "2").status, 0);
  ASSERT_EQ(simulate("one", "1").status, 0);
  const json two = json::parse(std::ifstream(folder_ / "two/comparison.json"));
  const json one = json::parse(std::ifstream(folder_ / "one/comparison.json"));
  ASSERT_EQ(two.at("runs").size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(two.at("runs")[i].at("main_metric"), "map50_95");
    EXPECT_TRUE(two.at("runs")[i].at("metrics").contains("map50"));
    EXPECT_EQ(two.at("runs")[i].at("digest"), one.at("runs")[i].at("digest"));
  }
  EXPECT_LT(two.at("runs")[0].at("uplink_bytes_per_client_round").get<double>(),
            two.at("runs")[1].at("uplink_bytes_per_client_round").get<double>() / 4);
  const json judged = ended(run({"lorae", "val", path("set"), "--run",
                                 path("two/runs/lorae-r2-seed0"), "--no-rect", "--json"}));
  EXPECT_EQ(judged.at("images"), 10);
}

TEST_F(ObjectCommands, NamesThatJsonCannotHoldAreToldBeforeAnythingIsDone) {
  const std::filesystem::path images = folder_ / "set/images/val";
  const std::filesystem::path one = std::filesystem::directory_iterator(images)->path();
  std::filesystem::rename(one, images / ("caf\xe9" + one.extension().string()));
  ended(train("yolov8n", "net", {"--kind", "head", "--steps", "1"}));
  for (const std::vector<std::string>& asked : std::vector<std::vector<std::string>>{
           {"lorae", "data", "convert", path("set"), path("coco"), "--format", "coco"},
           {"lorae", "val", path("set"), "--run", path("net"), "--save-json", path("results")}}) {
    const Finished refused = run(asked);
    EXPECT_EQ(refused.status, 78) << refused.errors;
    EXPECT_NE(refused.errors.find("has to be UTF-8; rename the picture"), std::string::npos)
        << refused.errors;
    EXPECT_FALSE(std::filesystem::exists(asked.back() == "coco" ? path("coco/annotations")
                                                                : path("results")));
  }
}

TEST_F(ObjectCommands, ADataSetThatDoesNotFitTheNetworkIsRefused) {
  const Finished refused = train("resnet8", "none");
  EXPECT_EQ(refused.status, 78);
  EXPECT_NE(refused.errors.find("learned from a class per picture, but the data set has outlines"),
            std::string::npos)
      << refused.errors;
}

}  // namespace
}  // namespace lorae::test
