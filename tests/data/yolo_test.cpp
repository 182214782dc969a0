#include "data/formats/yolo.h"

#include "data/formats/yolo_rows.h"
#include "data/formats/yolo_yaml.h"
#include "tensors/torch.h"
#include "tests/data/files.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

std::string kinds_of(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    text += str(text.empty() ? "" : " ", row_of(problem.flaw).name, ':', problem.line);
  }
  return text;
}

Labelled rows(std::string_view text) {
  Labelled picture;
  read_yolo_rows(text, "a.txt", 3, picture);
  return picture;
}

TEST(YoloRows, ABoxIsItsCentreAndItsSides) {
  const Labelled picture = rows("2 0.5 0.25 0.5 0.125\r\n\n");
  ASSERT_EQ(picture.objects.size(), 1U);
  EXPECT_EQ(picture.objects[0].label, 2);
  EXPECT_EQ(picture.objects[0].box, (Box{0.25, 0.1875, 0.75, 0.3125}));
  EXPECT_TRUE(picture.objects[0].polygons.empty());
  EXPECT_EQ(kinds_of(picture.problems), "");
}

TEST(YoloRows, MoreNumbersAreAPolygonWhoseBoxIsItsExtent) {
  const Labelled picture = rows("0 0.25 0.5 0.75 0.5 0.5 0.125\n1 .5 .5 .5 .5");
  ASSERT_EQ(picture.objects.size(), 2U);
  EXPECT_EQ(picture.objects[0].polygons,
            (std::vector<Polygon>{{{0.25, 0.5}, {0.75, 0.5}, {0.5, 0.125}}}));
  EXPECT_EQ(picture.objects[0].box, (Box{0.25, 0.125, 0.75, 0.5}));
  EXPECT_EQ(kinds_of(picture.problems), "rows-mixed:0");
}

TEST(YoloRows, WhatPassesTheBorderIsCutThere) {
  const Labelled picture = rows("0 0.0 0.5 0.5 0.5\n0 -0.5 0.25 0.5 0.25 0.5 0.75 -0.5 0.75");
  ASSERT_EQ(picture.objects.size(), 2U);
  EXPECT_EQ(picture.objects[0].box, (Box{0, 0.25, 0.25, 0.75}));
  EXPECT_EQ(picture.objects[1].box, (Box{0, 0.25, 0.5, 0.75}));
  EXPECT_EQ(picture.objects[1].polygons.size(), 1U);
  EXPECT_EQ(kinds_of(picture.problems), "box-clipped:1 box-clipped:2 rows-mixed:0");
}

TEST(YoloRows, EveryKindOfDamageHasAName) {
  for (const auto& [row, kind] : {std::pair("0 0.5 0.5 0.5", "row-fields:1"),
                                  {"0 0.5 0.5 0.5 0.5 0.9", "row-fields:1"},
                                  {"0 0.5 0.5", "polygon-short:1"},
                                  {"0 0,5 0.5 0.5 0.5", "row-number:1"},
                                  {"0 0x1 0.5 0.5 0.5", "row-number:1"},
                                  {"0 nan 0.5 0.5 0.5", "row-not-finite:1"},
                                  {"0 0.5 inf 0.5 0.5", "row-not-finite:1"},
                                  {"3 0.5 0.5 0.5 0.5", "class-out-of-range:1"},
                                  {"-1 0.5 0.5 0.5 0.5", "class-out-of-range:1"},
                                  {"1e300 0.5 0.5 0.5 0.5", "class-out-of-range:1"},
                                  {"0.5 0.5 0.5 0.5 0.5", "class-fraction:1"},
                                  {"0 0.5 0.5 -0.5 0.5", "box-negative:1"},
                                  {"0 0.5 0.5 0 0.5", "box-empty:1"},
                                  {"0 320 240 20 10", "box-in-pixels:1"},
                                  {"0 1.5 0.5 0.25 0.5", "box-outside:1"},
                                  {"0 0.1 0.2 0.3 0.4 0.5 0.6 0.7", "polygon-odd:1"},
                                  {"0 0.1 0.1 0.2 0.2 0.3 0.3", "polygon-flat:1"}}) {
    const Labelled picture = rows(row);
    EXPECT_EQ(kinds_of(picture.problems), kind) << row;
    EXPECT_TRUE(picture.objects.empty()) << row;
  }
  const Labelled twice = rows("0 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5");
  EXPECT_EQ(kinds_of(twice.problems), "row-twice:2");
  EXPECT_EQ(twice.objects.size(), 1U);
}

TEST(YoloYaml, NamesAreAListOrAMap) {
  const auto list = parse_yolo_yaml("train: a\nnc: 2\nnames: [cat, 'dog']", "d.yaml");
  const auto map = parse_yolo_yaml("path: x\nval: [a, b]\nnames:\n  1: dog\n  0: cat\n", "d.yaml");
  EXPECT_EQ(list->names, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(map->names, list->names);
  EXPECT_EQ(map->path, "x");
  EXPECT_EQ(map->halves.at("val"), (std::vector<std::string>{"a", "b"}));
}

TEST(YoloYaml, WhatMakesNoSenseIsToldWithItsLine) {
  for (const auto& [text, problem] : {std::pair("train: [", "yaml-broken"),
                                      {"just text", "yaml-broken"},
                                      {"names: [a]", "yaml-broken:1"},
                                      {"train: {a: b}\nnames: [a]", "yaml-broken:1"},
                                      {"train: a", "yaml-names:1"},
                                      {"train: a\nnames: cat", "yaml-names:2"},
                                      {"train: a\nnames: []", "yaml-names:2"},
                                      {"train: a\nnames: [a, a]", "yaml-names:2"},
                                      {"train: a\nnames: [a, '']", "yaml-names:2"},
                                      {"train: a\nnames: {0: a, 2: b}", "yaml-names:2"},
                                      {"train: a\nnames: {x: a}", "yaml-names:2"},
                                      {"train: a\nnames: [a]\nnc: 3", "yaml-names:3"},
                                      {"train: a\nnames: &n [*n]", "yaml-"},
                                      {"train: a\nnames: [[a]]", "yaml-names:2"}}) {
    const auto yaml = parse_yolo_yaml(text, "d.yaml");
    ASSERT_FALSE(yaml.ok()) << text;
    EXPECT_TRUE(kinds_of({yaml.error().problem()}).starts_with(problem))
        << text << ": " << kinds_of({yaml.error().problem()}) << yaml.error().what();
  }
}

/// Two training pictures and one of val.
class YoloSet : public ::testing::Test {
 protected:
  YoloSet() {
    write(folder_ / "data.yaml", "train: images/train\nval: images/val\nnames: [cat, dog]\n");
    for (const char* name : {"train/a", "train/b", "val/c"}) {
      write_picture(folder_ / str("images/", name, ".png"), 200, 100, 50, 16);
    }
    write(folder_ / "labels/train/a.txt", "1 0.5 0.5 0.5 0.5\n1 0.2 0.2 0.1 0.1\n0 .5 .5 .1 .1");
    write(folder_ / "labels/val/c.txt", "0 0.5 0.5 0.5 0.25");
  }

  DatasetPtr open(Split split = Split::kTrain, Damaged damaged = Damaged::kRefuse) const {
    return open_dataset(folder_.path(), 3, split, {.damaged = damaged});
  }
  std::string kinds() const {
    return kinds_of(known_labels(folder_.path(), Split::kTrain)->problems);
  }

  const TemporaryFolder folder_;
};

TEST_F(YoloSet, KnowsObjectsSizesAndTheMainClass) {
  const DatasetPtr set = open();
  ASSERT_EQ(set->size(), 2);
  EXPECT_EQ(set->annotation(), Annotation::kBoxes);
  EXPECT_EQ(set->classes(), (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(class_names(folder_.path()), set->classes());
  EXPECT_EQ(set->objects(0).size(), 3U);
  EXPECT_EQ(set->label(0), 1);
  EXPECT_EQ(set->label(1), -1) << "a picture without a label shows nothing";
  EXPECT_EQ(set->picture_size(0), (PictureSize{16, 16}));
  const Sample sample = set->get(0);
  EXPECT_EQ(sample.objects, set->objects(0));
  EXPECT_EQ(sample.image.sizes(), (std::vector<std::int64_t>{16, 16, 3}));
  EXPECT_EQ(open(Split::kTest)->size(), 1);
  EXPECT_EQ(open_dataset(folder_ / "data.yaml", 3, Split::kTrain)->size(), 2);
}

/// A folder above the set that is called "images" is not the set's.
TEST_F(YoloSet, LabelsBesidePicturesAreFoundWhereverTheSetLies) {
  const fs::path set = folder_ / "images/potholes";
  write(set / "data.yaml", "train: train\nnames: [cat, dog]\n");
  write_picture(set / "train/a.png", 200, 100, 50, 16);
  write(set / "train/a.txt", "1 0.5 0.5 0.5 0.5");
  const auto label = [&] { return open_dataset(set, 3, Split::kTrain)->label(0); };
  EXPECT_EQ(label(), 1);
  // Somebody points into a set at its pictures: its labels are there.
  write(folder_ / "labels/potholes/train/a.txt", "0 0.5 0.5 0.5 0.5");
  EXPECT_EQ(label(), 0);
}

TEST_F(YoloSet, PolygonsMakeItASetOfOutlines) {
  write(folder_ / "labels/train/b.txt", "0 0.25 0.5 0.75 0.5 0.5 0.125");
  const DatasetPtr set = open();
  EXPECT_EQ(set->annotation(), Annotation::kOutlines);
  EXPECT_EQ(set->objects(1)[0].polygons[0][2], (Point{0.5, 0.125}));
  EXPECT_EQ(set->objects(0).size(), 3U);
}

TEST_F(YoloSet, ADamagedRowIsRefusedOrItsPictureIsLeftOut) {
  write(folder_ / "labels/train/b.txt", "0 0.5 0.5 0.5 0.5\n7 0.5 0.5 0.5 0.5\n");
  expect_error(
      ErrorCode::kCorruptData, [&] { open(); }, "labels/train/b.txt':2: class 7: expected one in",
      "data.damaged = \"skip\"");
  const DatasetPtr rest = open(Split::kTrain, Damaged::kSkip);
  ASSERT_EQ(rest->size(), 1);
  EXPECT_TRUE(rest->name(0).ends_with("a.png"));
}

TEST_F(YoloSet, APictureThatIsNoneIsRefusedWhenTheSetIsOpened) {
  write(folder_ / "images/train/b.png", "no picture");
  expect_error(
      ErrorCode::kCorruptData, [&] { open(); }, "b.png", "does not begin as a picture");
  write(folder_ / "images/train/b.png", "");
  expect_error(
      ErrorCode::kCorruptData, [&] { open(); }, "b.png", "it is empty");
  fs::remove_all(folder_ / "images/val/c.png");
  expect_error(
      ErrorCode::kCorruptData, [&] { open(Split::kTest); }, "it holds no picture");
}

TEST_F(YoloSet, ListsAndFoldersOfFoldersNameItsPictures) {
  write(folder_ / "data.yaml", "path: .\ntrain: [images/train, images/val]\nnames: {0: a, 1: b}");
  EXPECT_EQ(open()->size(), 3);
  EXPECT_EQ(open()->domain(0), "train");
  EXPECT_EQ(open()->domain(2), "val");
  write(folder_ / "data.yaml", "train: images\nnames: {0: a, 1: b}");
  EXPECT_EQ(open()->size(), 3);
  EXPECT_EQ(open()->domain(2), "val");
  write(folder_ / "data.yaml", "train: train.txt\nnames: {0: a, 1: b}");
  write(folder_ / "train.txt", "./images/train/a.png\r\nimages/val/c.png\n\n");
  EXPECT_EQ(open()->size(), 2);
  write(folder_ / "train.txt", "images/train/a.png\nimages/gone.png\n../../etc/passwd\n");
  EXPECT_EQ(kinds(), "picture-missing:2 list-line:3");
}

TEST_F(YoloSet, RoboflowsExportsAreReadAsTheyAre) {
  const TemporaryFolder roboflow;
  write(roboflow / "data.yaml",
        "train: ../train/images\nval: ../valid/images\nnc: 1\nnames: ['crack']\n");
  write_picture(roboflow / "train/images/wall_jpg.rf.0123.jpg", 9, 9, 9, 16);
  write_picture(roboflow / "train/images/wall_jpg.rf.4567.jpg", 9, 9, 9, 16);
  write_picture(roboflow / "valid/images/door_jpg.rf.89ab.jpg", 9, 9, 9, 16);
  write(roboflow / "train/labels/wall_jpg.rf.0123.txt", "0 0.25 0.5 0.75 0.5 0.5 0.125");
  const DatasetPtr set = open_dataset(roboflow.path(), 3, Split::kTrain);
  ASSERT_EQ(set->size(), 2);
  EXPECT_EQ(set->domain(1), "wall_jpg");
  EXPECT_EQ(set->annotation(), Annotation::kOutlines);
  EXPECT_EQ(open_dataset(roboflow.path(), 3, Split::kTest)->size(), 1);
}

TEST_F(YoloSet, WhatLiesAroundIsTold) {
  write(folder_ / "labels/train/d.txt", "");
  write(folder_ / "images/train/e.heic", "x");
  EXPECT_EQ(kinds(), "picture-ending:0 label-without-picture:0 picture-unlabelled:0");
  write(folder_ / "data.yaml", "train: ../elsewhere\nnames: [a]");
  expect_error(
      ErrorCode::kCorruptData, [&] { open(); }, "leads outside of the set's folder");
  EXPECT_EQ(row_of(Flaw::kPathOutside).name, "path-outside");
  write(folder_ / "data.yaml", "train: images/none\nnames: [a]");
  expect_error(
      ErrorCode::kInvalidConfig, [&] { open(); }, "images/none' does not exist");
  write(folder_ / "data.yaml", "val: images/val\nnames: [a]");
  expect_error(
      ErrorCode::kInvalidConfig, [&] { open(); }, "has no training images", "key 'train'");
}

TEST_F(YoloSet, LabelsInAnotherEncodingAreTold) {
  write(folder_ / "labels/train/b.txt", std::string("\xFF\xFE\x30\x00\x20\x00", 6));
  EXPECT_EQ(kinds(), "label-encoding:0");
  write(folder_ / "labels/train/b.txt", "0 .5 .5 .5 .5 caf\xE9");
  EXPECT_EQ(kinds(), "label-encoding:0");
  write(folder_ / "labels/train/b.txt",
        "\xEF\xBB\xBF"
        "0 .5 .5 .5 .5");
  EXPECT_EQ(kinds(), "");
}

TEST_F(YoloSet, LinksThatLeadBackAreFollowedOnce) {
  fs::create_directory_symlink(folder_ / "images/train", folder_ / "images/train/again");
  EXPECT_EQ(open()->size(), 2);
}

}  // namespace
}  // namespace lorae::data
