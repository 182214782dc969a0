#include "data/formats/coco.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "data/formats/coco_json.h"
#include "tests/data/labels.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

std::string file(const std::string& annotations) {
  return R"({"info": {"images": [{"id": 9}], "x": [[1], {"y": null}]},
 "licenses": [{"id": 1, "name": "free"}],
 "images": [{"license": {"id": 3}, "id": 7, "file_name": "a.png", "width": 20, "height": 10},
            {"id": 8, "file_name": "b.png", "height": 10, "width": 20}],
 "annotations": [)" +
         annotations + R"(],
 "categories": [{"id": 90, "name": "dog", "supercategory": "animal"}, {"id": 3, "name": "cat"}]}
)";
}

class Coco : public ::testing::Test {
 protected:
  Known known(const std::string& annotations) const {
    write_png(folder_ / "train2017/a.png", 20, 10);
    write_png(folder_ / "train2017/b.png", 20, 10);
    write(folder_ / "annotations/instances_train2017.json", file(annotations));
    EXPECT_TRUE(holds_coco(folder_.path()));
    return read_half(find_coco(folder_.path(), Split::kTrain, {}));
  }
  std::string kinds(const std::string& annotations) const {
    return kinds_of(known(annotations).problems);
  }

  const TemporaryFolder folder_;
};

TEST_F(Coco, LabelsAreThePlacesOfTheSortedIds) {
  const Known all = known(
      R"({"id": 1, "image_id": 7, "category_id": 90, "bbox": [2, 1, 10, 5], "iscrowd": 0,
          "area": 3, "segmentation": [[2, 1, 12, 1, 12, 6], [3, 2, 4, 2, 4, 3]]},
         {"id": 2, "image_id": 8, "category_id": 3, "bbox": [0, 0, 20, 10], "iscrowd": 1,
          "segmentation": {"counts": [0, 100, 100], "size": [10, 20]}},
         {"id": 3, "image_id": 8, "category_id": 3,
          "segmentation": {"counts": "T3T3", "size": [10, 20]}})");
  EXPECT_EQ(kinds_of(all.problems), "");
  EXPECT_EQ(all.classes, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(all.annotation, Annotation::kOutlines);
  ASSERT_EQ(all.catalogue.size(), 2);
  const std::vector<Object> a = all.catalogue.objects(0), b = all.catalogue.objects(1);
  ASSERT_EQ(a.size(), 1U);
  EXPECT_EQ(a[0].label, 1);
  const Box& box = a[0].box;
  for (const auto& [got, wanted] :
       {std::pair(box.x1, 0.1), {box.y1, 0.1}, {box.x2, 0.6}, {box.y2, 0.6}}) {
    EXPECT_NEAR(got, wanted, 0x1p-32);  // half of what a catalogue tells apart
  }
  EXPECT_EQ(a[0].polygons.size(), 2U);
  ASSERT_EQ(b.size(), 2U);
  EXPECT_TRUE(b[0].ignored);
  EXPECT_EQ(b[0].polygons[0].size(), 4U);
  EXPECT_FALSE(b[1].ignored);
  EXPECT_EQ(b[1].box, (Box{0.5, 0, 1, 1}));
}

TEST_F(Coco, PointsAreTheNumbersOfTheFileAlthoughFloatsAreKept) {
  const Known all = known(
      R"({"id": 1, "image_id": 7, "category_id": 90,
          "segmentation": [[0.7, 1.1, 12.7, 1.3, 12.7, 6.9]]})");
  const Polygon polygon = all.catalogue.objects(0).at(0).polygons.at(0);
  const std::vector<Point> wanted{{0.7, 1.1}, {12.7, 1.3}, {12.7, 6.9}};
  ASSERT_EQ(polygon.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_NEAR(polygon[i].x * 20, wanted[i].x, 1e-8);  // the float of 12.7 is 2e-7 less
    EXPECT_NEAR(polygon[i].y * 10, wanted[i].y, 1e-8);
  }
}

TEST_F(Coco, WhatIsWrongInAnAnnotationIsToldWithItsLine) {
  for (const auto& [text, kind] : {
           std::pair(R"({"id": 1, "image_id": 5, "category_id": 3, "bbox": [1, 1, 2, 2]})",
                     "id-unknown:5"),
           {R"({"id": 1, "category_id": 3, "bbox": [1, 1, 2, 2]})", "id-unknown:5"},
           {R"({"id": 1, "image_id": 7, "category_id": 4, "bbox": [1, 1, 2, 2]})",
            "class-out-of-range:5"},
           {R"({"id": 1, "image_id": 7, "category_id": 3})", "box-missing:5"},
           {R"({"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 1]})", "box-missing:5"},
           {R"({"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 1, -2, 2]})",
            "box-negative:5"},
           {R"({"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 1, 0, 2]})", "box-empty:5"},
           {R"({"id": 1, "image_id": 7, "category_id": 3, "bbox": [30, 1, 2, 2]})",
            "box-outside:5"},
           {R"({"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 1, 2, 2],
                "segmentation": [[1, 1, 2, 2]]})",
            "polygon-short:5"},
           {R"({"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 1, 2, 2],
                "segmentation": [[1, 1, 2, 2, 3, 3, 4]]})",
            "polygon-odd:5"},
           {R"({"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 1, 2, 2],
                "segmentation": {"counts": "!!", "size": [10, 20]}})",
            "rle-broken:5"},
           {R"({"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 1, 2, 2],
                "segmentation": {"counts": [3, 4], "size": [20, 10]}})",
            "rle-broken:5"},
       }) {
    EXPECT_TRUE(kinds(text).starts_with(kind)) << text << kinds(text);
  }
}

TEST_F(Coco, WhatIsNoCocoFileIsRefused) {
  const auto kind = [](const std::string& text) {
    const auto coco = parse_coco(text, "x.json");
    return coco.ok() ? std::string("fine") : kinds_of({coco.error().problem()});
  };
  EXPECT_EQ(kind(file("")), "fine");
  EXPECT_EQ(kind("{\n\"images\": [}"), "json-broken:2");
  EXPECT_EQ(kind(""), "json-broken:1");
  EXPECT_EQ(kind("[]"), "json-field:0");
  EXPECT_EQ(kind("{}"), "json-field:0");
  EXPECT_EQ(kind(R"({"images": {}, "annotations": [], "categories": []})"), "json-field:0");
  EXPECT_EQ(kind(R"({"images": [{"file_name": "a"}], "annotations": [], "categories": []})"),
            "json-field:1");
  EXPECT_EQ(kind(R"({"images": [{"id": 1}], "annotations": [], "categories": []})"),
            "json-field:1");
  EXPECT_EQ(kind("{\"images\": [{\"id\": 1, \"file_name\": \"a\"},\n {\"id\": 1, \"file_name\": "
                 "\"b\"}], \"annotations\": [], \"categories\": []}"),
            "id-twice:2");
  EXPECT_EQ(kind(R"({"images": [], "annotations": [], "categories": [{"id": 1}]})"),
            "json-field:1");
  EXPECT_EQ(kind(R"({"images": [{"id": 1, "file_name": "a", "width": NaN}]})"), "json-broken:1");
  EXPECT_EQ(kind(std::string(100000, '[')), "json-broken:1");
}

TEST_F(Coco, TheTestHalfHasTheNamesOfTheTrainingHalf) {
  known("");
  write_png(folder_ / "val2017/a.png", 20, 10);
  write_png(folder_ / "val2017/b.png", 20, 10);
  EXPECT_THROW(find_coco(folder_.path(), Split::kTest, {}), Error);
  write(folder_ / "annotations/instances_val2017.json",
        R"({"images": [{"id": 1, "file_name": "a.png", "width": 20, "height": 10}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2]}],
            "categories": [{"id": 1, "name": "dog"}]})");
  const Known val = read_half(find_coco(folder_.path(), Split::kTest, {}));
  EXPECT_EQ(val.catalogue.label(0), 1);
  const Half half = find_coco(folder_.path(), Split::kTest, {});
  EXPECT_EQ(std::ranges::count(half.sources, folder_ / "annotations/instances_train2017.json"), 1)
      << "another index is made when the names change";
  write(folder_ / "annotations/instances_val2017.json",
        R"({"images": [], "annotations": [], "categories": [{"id": 1, "name": "cow"}]})");
  EXPECT_THROW(find_coco(folder_.path(), Split::kTest, {}), BadData);
}

TEST_F(Coco, APictureOutsideOfTheSetIsRefused) {
  write(folder_ / "annotations/instances_train.json",
        R"({"images": [{"id": 1, "file_name": "../../secret.png"}], "annotations": [],
            "categories": []})");
  EXPECT_THROW(find_coco(folder_.path(), Split::kTrain, {}), BadData);
}

}  // namespace
}  // namespace lorae::data
