// `lorae data scenes`, `check`, `show` and `convert` as a person types them.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "data/formats/open.h"
#include "tests/base/temporary_folder.h"
#include "tests/data/files.h"
#include "tests/integration/process.h"

namespace lorae::test {
namespace {

using nlohmann::json;
namespace files = data::testing;

class DataCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
      GTEST_SKIP() << "needs the package dataset-fashion-mnist";
    }
    const Finished made = scenes("yolo");
    ASSERT_EQ(made.status, 0) << made.errors;
  }

  Finished scenes(const std::string& format) const {
    return run({"lorae", "data", "scenes", path(format), "--images", "12", "--val", "4",
                "--image-size", "96", "--classes", "5", "--domain", "1", "--seed", "3", "--format",
                format, "--json"});
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  static json ended(const Finished& done) {
    EXPECT_EQ(done.status, 0) << done.errors;
    return done.status == 0 ? json::parse(done.output) : json{};
  }

  const TemporaryFolder folder_;
};

/// All files of a folder, as one digest.
std::string digest_of_folder(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      paths.push_back(entry.path());
    }
  }
  std::ranges::sort(paths);
  Hasher hasher;
  for (const auto& path : paths) {
    hasher.add(path.lexically_relative(folder).string());
    hasher.add(files::read(path));
  }
  return hasher.finish().hex();
}

TEST_F(DataCommands, ScenesAreASoundSetOfOutlinesTheSameOnEveryMachine) {
  const auto set = data::open_dataset(folder_ / "yolo", 3, data::Split::kTrain);
  EXPECT_EQ(set->size(), 12);
  EXPECT_EQ(set->classes().size(), 5U);
  EXPECT_EQ(set->annotation(), data::Annotation::kOutlines);
  const json checked = ended(run({"lorae", "data", "check", path("yolo"), "--json"}));
  EXPECT_EQ(checked["images"], 16);
  EXPECT_GT(checked["objects"], 20);
  EXPECT_TRUE(checked["problems"].empty()) << checked;
  EXPECT_EQ(digest_of_folder(folder_ / "yolo").substr(0, 16), "8533c4da17177fca");
}

TEST_F(DataCommands, ScenesComeInFourFormatsWithTheSameObjects) {
  const auto yolo = data::open_dataset(folder_ / "yolo", 3, data::Split::kTest);
  for (const char* format : {"voc", "coco", "masks"}) {
    ASSERT_EQ(scenes(format).status, 0);
    const auto other = data::open_dataset(folder_ / format, 3, data::Split::kTest);
    ASSERT_EQ(other->size(), yolo->size());
    for (std::int64_t i = 0; i < yolo->size() && std::string(format) != "masks"; ++i) {
      const auto expected = yolo->objects(i), objects = other->objects(i);
      ASSERT_EQ(objects.size(), expected.size());
      for (std::size_t k = 0; k < objects.size(); ++k) {
        EXPECT_EQ(objects[k].label, expected[k].label);
        EXPECT_NEAR(objects[k].box.x1, expected[k].box.x1, 1e-5) << format;
        EXPECT_NEAR(objects[k].box.y2, expected[k].box.y2, 1e-5) << format;
      }
    }
    EXPECT_EQ(ended(run({"lorae", "data", "check", path(format), "--json"}))["problems"].size(),
              0U);
  }
}

TEST_F(DataCommands, CheckNamesFileLineKindAndEffectAndEndsWith65) {
  std::ofstream(folder_ / "yolo/labels/train/train000003.txt", std::ios::app)
      << "9 .5 .5 .6 .5 .6 .6\n";
  files::write(folder_ / "yolo/images/val/val000001.png", "no picture");
  const Finished done = run({"lorae", "data", "check", path("yolo"), "--json"});
  EXPECT_EQ(done.status, 65);
  const json problems = json::parse(done.output)["problems"];
  ASSERT_EQ(problems.size(), 2U) << problems;
  EXPECT_TRUE(problems[0]["file"].get<std::string>().ends_with("train000003.txt"));
  EXPECT_GT(problems[0]["line"], 1);
  EXPECT_EQ(problems[0]["kind"], "class-out-of-range");
  EXPECT_EQ(problems[0]["effect"], "refused; with data.damaged = \"skip\" the picture is left out");
  EXPECT_EQ(problems[1]["kind"], "picture-damaged");
  EXPECT_NE(run({"lorae", "data", "check", path("yolo")}).output.find("16 images"),
            std::string::npos);
}

TEST_F(DataCommands, ShowCountsDealsAndDraws) {
  const json shown =
      ended(run({"lorae", "data", "show", path("yolo"), "--partition", "dirichlet_objects",
                 "--clients", "3", "--sheet", path("s.png"), "--json"}));
  EXPECT_EQ(shown["images"], 12);
  ASSERT_EQ(shown["clients"].size(), 3U);
  std::int64_t images = 0, objects = 0;
  for (const json& client : shown["clients"]) {
    images += client["images"].get<std::int64_t>();
    objects += client["objects"].get<std::int64_t>();
    EXPECT_EQ(client["by_class"].size(), 5U);
  }
  EXPECT_EQ(images, 12);
  EXPECT_EQ(objects, shown["objects"]);
  EXPECT_GT(shown["skew"], 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "s.png"));
  EXPECT_EQ(run({"lorae", "data", "show", path("yolo"), "--clients", "3"}).status, 78);
}

TEST_F(DataCommands, ConvertWritesAnotherFormat) {
  const json done = ended(
      run({"lorae", "data", "convert", path("yolo"), path("coco"), "--format", "coco", "--json"}));
  EXPECT_EQ(done["images"], 16);
  EXPECT_EQ(ended(run({"lorae", "data", "check", path("coco"), "--json"}))["objects"],
            done["objects"]);
  EXPECT_EQ(
      run({"lorae", "data", "convert", path("yolo"), path("coco"), "--format", "coco"}).status, 78);
}

}  // namespace
}  // namespace lorae::test
