#include "data/formats/convert.h"

#include <algorithm>
#include <cmath>

#include "base/seed.h"
#include "tensors/torch.h"
#include "tests/data/files.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

constexpr std::int64_t kWidth = 64, kHeight = 48;

/// Two pictures of things that do not touch, with outlines that follow pixels.
class Convert : public ::testing::Test {
 protected:
  Convert() {
    Random random(3);
    const auto writer = set_writer(SetFormat::kYolo, folder_ / "yolo", {"cat", "a dog & <co>"});
    for (const Split half : {Split::kTrain, Split::kTest}) {
      for (int i = 0; i < 2; ++i) {
        Written picture{.name = str(half == Split::kTrain ? "t" : "v", i, ".png"),
                        .size = {.height = kHeight, .width = kWidth},
                        .objects = things(random)};
        const fs::path path = writer->add(half, picture);
        fs::create_directories(path.parent_path());
        cv::Mat pixels(kHeight, kWidth, CV_8UC3, cv::Scalar(i, 2, half == Split::kTrain ? 3 : 4));
        cv::imwrite(path.string(), pixels);
      }
    }
    writer->finish();
  }

  /// One in each quarter of the picture, ragged.
  static std::vector<Object> things(Random& random) {
    std::vector<Object> all;
    for (std::int64_t quarter = 0; quarter < 4; ++quarter) {
      Pixels own{kHeight, kWidth, std::vector<std::uint8_t>(kHeight * kWidth)};
      const std::int64_t top = quarter / 2 * 24 + 2, left = quarter % 2 * 32 + 2;
      for (std::int64_t y = top; y < top + 16; ++y) {
        const auto length = static_cast<std::int64_t>(6 + random.below(18));
        std::fill_n(own.values.begin() + y * kWidth + left, length, std::uint8_t{1});
      }
      Object& object = all.emplace_back(Object{.label = quarter % 2, .box = {}});
      object.polygons = outlines(own);
      object.box = extent(object.polygons);
    }
    return all;
  }

  DatasetPtr open(const std::string& name, Split split = Split::kTrain) const {
    return open_dataset(folder_ / name, 3, split);
  }

  static std::vector<Object> sorted(std::vector<Object> objects) {
    std::ranges::sort(objects, {}, [](const Object& o) {
      return std::tuple(o.label, std::lround(o.box.y1 * 10), std::lround(o.box.x1 * 10));
    });
    return objects;
  }

  static double most_pixels_apart(const Box& a, const Box& b) {
    return std::max({std::abs(a.x1 - b.x1) * kWidth, std::abs(a.x2 - b.x2) * kWidth,
                     std::abs(a.y1 - b.y1) * kHeight, std::abs(a.y2 - b.y2) * kHeight});
  }

  const TemporaryFolder folder_;
};

TEST_F(Convert, OneSetInFourFormatsHasTheSameBoxes) {
  std::string from = "yolo";
  for (const char* to : {"coco", "masks", "yolo", "voc", "masks"}) {
    const std::string name = from + "_" + to;
    const Converted done = convert_set(folder_ / from, folder_ / name, *named<SetFormat>(to), {});
    EXPECT_EQ(done.images, 4);
    for (const Split half : {Split::kTrain, Split::kTest}) {
      const DatasetPtr before = open("yolo", half), after = open(name, half);
      ASSERT_EQ(after->size(), 2) << name;
      EXPECT_EQ(after->classes(), before->classes()) << name;
      for (std::int64_t i = 0; i < 2; ++i) {
        const bool masks = after->annotation() == Annotation::kMasks;
        const auto expected = sorted(before->objects(i));
        const auto objects =
            sorted(masks ? objects_of_mask(after->get(i).mask, 2) : after->objects(i));
        ASSERT_EQ(objects.size(), expected.size()) << name;
        for (std::size_t k = 0; k < objects.size(); ++k) {
          EXPECT_EQ(objects[k].label, expected[k].label);
          EXPECT_LT(most_pixels_apart(objects[k].box, expected[k].box), 0.01) << name;
        }
        EXPECT_TRUE(torch::equal(after->get(i).image, before->get(i).image));
      }
    }
    from = name;
  }
}

TEST_F(Convert, OutlinesGoThroughMasksAndCocoWithoutALoss) {
  convert_set(folder_ / "yolo", folder_ / "coco", SetFormat::kCoco, {});
  convert_set(folder_ / "coco", folder_ / "masks", SetFormat::kMasks, {});
  convert_set(folder_ / "masks", folder_ / "again", SetFormat::kYolo, {});
  const DatasetPtr before = open("yolo"), after = open("again");
  for (std::int64_t i = 0; i < before->size(); ++i) {
    std::vector<Pixels> pixels;
    for (const DatasetPtr& set : {before, after}) {
      Pixels& all =
          pixels.emplace_back(Pixels{kHeight, kWidth, std::vector<std::uint8_t>(kHeight * kWidth)});
      for (const Object& object : set->objects(i)) {
        fill(object.polygons, static_cast<std::uint8_t>(object.label + 1), all);
      }
    }
    EXPECT_EQ(pixels[0].values, pixels[1].values);
  }
}

TEST_F(Convert, AFolderThatHoldsSomethingIsLeftAlone) {
  expect_error(
      ErrorCode::kInvalidConfig,
      [&] { convert_set(folder_ / "yolo", folder_ / "yolo", SetFormat::kCoco, {}); },
      "holds something: expected a new folder");
}

}  // namespace
}  // namespace lorae::data
