#include "data/formats/voc.h"

#include <gtest/gtest.h>

#include "data/formats/voc_xml.h"
#include "tests/data/labels.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

const std::vector<std::string> kClasses = {"cat", "dog"};

Labelled xml(const std::string& objects,
             PictureHead head = {.size = {.height = 100, .width = 200}}) {
  Labelled picture;
  read_voc_xml("<annotation>\n<size><width>200</width><height>100</height></size>\n" + objects +
                   "</annotation>",
               "a.xml", kClasses, head, picture);
  return picture;
}

std::string object(const std::string& box, const std::string& more = "") {
  return "<object><name>dog</name>" + more + "<bndbox>" + box + "</bndbox></object>\n";
}

constexpr const char* kBox = "<ymax>50</ymax><xmin>21</xmin><xmax>120</xmax><ymin>11</ymin>";

TEST(VocXml, CornersCountFromOneAndBelongToTheBox) {
  const Labelled picture = xml(object(kBox));
  ASSERT_EQ(picture.objects.size(), 1U);
  EXPECT_EQ(picture.objects[0].label, 1);
  EXPECT_EQ(picture.objects[0].box, (Box{0.1, 0.1, 0.6, 0.5}));
  EXPECT_FALSE(picture.objects[0].ignored);
  EXPECT_EQ(kinds_of(picture.problems), "");
}

TEST(VocXml, DifficultIsIgnoredAndPartsAreNotRead) {
  const Labelled picture = xml(object(
      kBox,
      "<difficult>1</difficult><part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"));
  ASSERT_EQ(picture.objects.size(), 1U);
  EXPECT_TRUE(picture.objects[0].ignored);
  EXPECT_EQ(picture.objects[0].box, (Box{0.1, 0.1, 0.6, 0.5}));
}

TEST(VocXml, CornersMayBeFractions) {
  const Labelled picture =
      xml(object("<xmin>45.70000076293945</xmin><ymin>1</ymin><xmax>155.3</xmax><ymax>100</ymax>"));
  ASSERT_EQ(picture.objects.size(), 1U);
  EXPECT_NEAR(picture.objects[0].box.x1, 0.2235, 1e-6);
  EXPECT_NEAR(picture.objects[0].box.x2, 0.7765, 1e-6);
  EXPECT_EQ(kinds_of(picture.problems), "");
}

TEST(VocXml, LabelsOfTheLyingPictureStandUpWithIt) {
  // Kept 200 wide and 100 high, shown turned by a quarter clockwise.
  const PictureHead turned{.size = {.height = 200, .width = 100}, .orientation = 6};
  const Labelled picture = xml(object(kBox), turned);
  ASSERT_EQ(picture.objects.size(), 1U);
  EXPECT_NEAR(picture.objects[0].box.x1, 0.5, 1e-12);
  EXPECT_NEAR(picture.objects[0].box.y1, 0.1, 1e-12);
  EXPECT_NEAR(picture.objects[0].box.x2, 0.9, 1e-12);
  EXPECT_NEAR(picture.objects[0].box.y2, 0.6, 1e-12);
}

TEST(VocXml, EveryKindOfDamageHasAName) {
  const auto kinds = [](const std::string& objects) { return kinds_of(xml(objects).problems); };
  EXPECT_EQ(kinds("<object>"), "xml-broken:3");
  EXPECT_EQ(kinds("<object><name>cow</name></object>"), "class-unknown:3");
  EXPECT_EQ(kinds("\n<object><name>cat</name></object>"), "box-missing:4");
  EXPECT_EQ(kinds(object("<xmin>1</xmin><ymin>1</ymin><xmax>9</xmax>")), "row-number:3");
  EXPECT_EQ(kinds(object("<xmin>1</xmin><ymin>x</ymin><xmax>9</xmax><ymax>9</ymax>")),
            "row-number:3");
  EXPECT_EQ(kinds(object("<xmin>nan</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax>")),
            "row-not-finite:3");
  EXPECT_EQ(kinds(object("<xmin>9</xmin><ymin>1</ymin><xmax>1</xmax><ymax>9</ymax>")),
            "box-negative:3");
  EXPECT_EQ(kinds(object("<xmin>300</xmin><ymin>1</ymin><xmax>400</xmax><ymax>9</ymax>")),
            "box-outside:3");
  EXPECT_EQ(kinds(object("<xmin>150</xmin><ymin>1</ymin><xmax>400</xmax><ymax>9</ymax>")),
            "box-clipped:3");
  EXPECT_EQ(kinds(object(kBox) + object(kBox)), "row-twice:4");
  Labelled other;
  read_voc_xml("<annotations/>", "a.xml", kClasses, {}, other);
  EXPECT_EQ(kinds_of(other.problems), "xml-broken:1");
  EXPECT_EQ(kinds_of(xml(object(kBox), {.size = {.height = 120, .width = 200}}).problems),
            "size-differs:2");
  Labelled unsized;
  read_voc_xml("<annotation>" + object(kBox) + "</annotation>", "a.xml", kClasses,
               {.size = {.height = 100, .width = 200}}, unsized);
  EXPECT_EQ(kinds_of(unsized.problems), "size-missing:0");
  EXPECT_EQ(unsized.objects.size(), 1U);
}

/// A year with pictures 0 to count, each with one dog.
void write_year(const fs::path& year, int count) {
  for (int i = 0; i < count; ++i) {
    write_png(year / "JPEGImages" / str(i, ".png"), 200, 100);
    write(year / "Annotations" / str(i, ".xml"),
          "<annotation><size><width>200</width><height>100</height></size>" + object(kBox) +
              "</annotation>");
  }
}

TEST(Voc, TwoYearsAreTrainedOnAndTheTestOf2007IsKept) {
  const TemporaryFolder folder;
  const fs::path devkit = folder / "VOCdevkit";
  write_year(devkit / "VOC2007", 4);
  write_year(devkit / "VOC2012", 3);
  write(devkit / "VOC2007/ImageSets/Main/trainval.txt", "0\n1\n");
  write(devkit / "VOC2007/ImageSets/Main/test.txt", "2\n3\n");
  write(devkit / "VOC2012/ImageSets/Main/train.txt", "0 1\n");
  write(devkit / "VOC2012/ImageSets/Main/val.txt", "1 -1\n2  0\n");
  for (const fs::path& path : {folder.path(), devkit}) {
    ASSERT_TRUE(holds_voc(path));
    const Half train = find_voc(path, Split::kTrain, {.names = kClasses});
    EXPECT_EQ(train.items.size(), 5);
    EXPECT_EQ(train.items.at(0).domain, "VOC2007");
    EXPECT_EQ(train.items.at(4).domain, "VOC2012");
    EXPECT_EQ(find_voc(path, Split::kTest, {.names = kClasses}).items.size(), 2);
  }
  EXPECT_EQ(voc_classes(devkit, {}).size(), 20U);
  const Known known = read_half(find_voc(devkit, Split::kTrain, {}));
  EXPECT_EQ(known.classes[static_cast<std::size_t>(known.catalogue.label(0))], "dog");
  EXPECT_EQ(known.catalogue.size(), 5);
}

/// One has lists, the other has not: it is trained on, and tests nothing.
TEST(Voc, AYearWithoutListsIsNotInBothHalves) {
  const TemporaryFolder folder;
  write_year(folder / "VOC2007", 2);
  write_year(folder / "extra", 3);
  write(folder / "VOC2007/ImageSets/Main/train.txt", "0\n");
  write(folder / "VOC2007/ImageSets/Main/val.txt", "1\n");
  const Half train = find_voc(folder.path(), Split::kTrain, {.names = kClasses});
  EXPECT_EQ(train.items.size(), 4);
  for (std::int64_t i = 1; i < 4; ++i) {
    EXPECT_EQ(train.items.at(i).domain, "extra");
  }
  EXPECT_EQ(find_voc(folder.path(), Split::kTest, {.names = kClasses}).items.size(), 1);
}

TEST(Voc, OneYearHasItsOwnHalves) {
  const TemporaryFolder folder;
  write_year(folder.path(), 3);
  write(folder / "classes.txt", "dog\n\ncat\n");
  EXPECT_EQ(find_voc(folder.path(), Split::kTrain, {}).items.size(), 3) << "no lists";
  EXPECT_THROW(find_voc(folder.path(), Split::kTest, {}), Error);
  write(folder / "ImageSets/Main/train.txt", "0\n2\nmissing\ngone\n");
  write(folder / "ImageSets/Main/val.txt", "1\n");
  const Half train = find_voc(folder.path(), Split::kTrain, {});
  EXPECT_EQ(train.items.size(), 2);
  EXPECT_EQ(kinds_of(train.problems), "picture-missing:3 picture-missing:4");
  EXPECT_EQ(read_half(train).left_out, 2) << "of one file";
  EXPECT_EQ(train.classes, (std::vector<std::string>{"dog", "cat"}));
  EXPECT_EQ(find_voc(folder.path(), Split::kTest, {}).items.size(), 1);
}

}  // namespace
}  // namespace lorae::data
