#include "data/formats/masks.h"

#include "data/formats/mask_file.h"
#include "data/formats/open.h"
#include "data/preparation.h"
#include "tensors/torch.h"
#include "tests/data/files.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

void write_mask(const fs::path& path, std::initializer_list<std::uint8_t> row, int repeat = 16) {
  cv::Mat mask(16, repeat * static_cast<int>(row.size()), CV_8UC1);
  for (int y = 0; y < mask.rows; ++y) {
    for (int x = 0; x < mask.cols; ++x) {
      mask.at<std::uint8_t>(y, x) = *(row.begin() + x / repeat);
    }
  }
  fs::create_directories(path.parent_path());
  ASSERT_TRUE(cv::imwrite(path.string(), mask));
}

/// Two classes; one picture of 32 x 16 pixels in each half.
class Masks : public ::testing::Test {
 protected:
  Masks() {
    write(folder_ / "classes.txt", "road\nsky\n");
    for (const char* half : {"train", "val"}) {
      fs::create_directories(folder_ / str("images/", half));
      cv::imwrite((folder_ / str("images/", half, "/a.jpg")).string(),
                  cv::Mat(16, 32, CV_8UC3, cv::Scalar(9, 9, 9)));
      write_mask(folder_ / str("masks/", half, "/a.png"), {2, 255});
    }
  }

  std::string kinds() const {
    std::string text;
    const auto known = known_labels(folder_.path(), Split::kTrain);
    for (const Problem& problem : known->problems) {
      text += str(text.empty() ? "" : " ", row_of(problem.flaw).name);
    }
    return text;
  }

  const TemporaryFolder folder_;
};

TEST_F(Masks, SayWhatEachPixelShows) {
  const DatasetPtr set = open_dataset(folder_.path(), 3, Split::kTrain);
  EXPECT_EQ(set->annotation(), Annotation::kMasks);
  EXPECT_EQ(set->classes(), (std::vector<std::string>{"road", "sky"}));
  EXPECT_EQ(set->label(0), 1);
  const Sample sample = set->get(0);
  EXPECT_EQ(sample.label, 1);
  EXPECT_EQ(sample.mask.sizes(), (std::vector<std::int64_t>{16, 32}));
  EXPECT_EQ(sample.mask[3][15].item<int>(), 2);
  EXPECT_EQ(sample.mask[3][16].item<int>(), kVoid);
  EXPECT_TRUE(sample.objects.empty());
  EXPECT_EQ(open_dataset(folder_.path(), 3, Split::kTest)->size(), 1);
}

TEST_F(Masks, BlackAndWhiteIsOneClass) {
  fs::remove(folder_ / "classes.txt");
  write_mask(folder_ / "masks/train/a.png", {0, 255});
  const DatasetPtr set = open_dataset(folder_.path(), 1, Split::kTrain);
  EXPECT_EQ(set->classes(), std::vector<std::string>{"object"});
  EXPECT_EQ(set->get(0).mask.sum().item<int>(), 16 * 16);
}

TEST_F(Masks, APaletteGivesThePlacesOfItsColours) {
  // 4 x 2 pixels with a palette of three colours: places 0 1 / 2 2, then 1 0 / 0 1.
  const std::string png = [] {
    std::string bytes("\x89PNG\r\n\x1A\n", 8);
    const auto chunk = [&](const std::string& name, const std::string& body) {
      const std::string named = name + body;
      bytes +=
          big_endian(static_cast<std::uint32_t>(body.size())) + named +
          big_endian(static_cast<std::uint32_t>(::crc32(
              0, reinterpret_cast<const Bytef*>(named.data()), static_cast<uInt>(named.size()))));
    };
    chunk("IHDR", big_endian(4) + big_endian(2) + std::string("\x08\x03\0\0\0", 5));
    chunk("PLTE", std::string("\0\0\0\x80\0\0\0\x80\0", 9));
    const std::string rows("\0\0\1\2\2\0\1\0\0\1", 10);
    std::string packed(100, '\0');
    uLongf size = packed.size();
    ::compress(reinterpret_cast<Bytef*>(packed.data()), &size,
               reinterpret_cast<const Bytef*>(rows.data()), rows.size());
    chunk("IDAT", packed.substr(0, size));
    chunk("IEND", "");
    return bytes;
  }();
  write(folder_ / "palette.png", png);
  const at::Tensor mask = read_mask(folder_ / "palette.png", 2);
  EXPECT_TRUE(torch::equal(mask.to(torch::kInt64), torch::tensor({{0, 1, 2, 2}, {1, 0, 0, 1}})));
}

TEST_F(Masks, ValuesBeyondTheClassesAreRefused) {
  write_mask(folder_ / "masks/train/a.png", {0, 3});
  const DatasetPtr set = open_dataset(folder_.path(), 3, Split::kTrain);
  expect_error(
      ErrorCode::kCorruptData, [&] { set->get(0); },
      "masks/train/a.png': value 3: expected at most 2");
  cv::imwrite((folder_ / "masks/train/a.png").string(),
              cv::Mat(16, 32, CV_8UC3, cv::Scalar(1, 2, 3)));
  expect_error(
      ErrorCode::kCorruptData, [&] { set->get(0); }, "expected grey values or a palette");
  EXPECT_EQ(row_of(Flaw::kMaskValue).name, "mask-value");
}

TEST_F(Masks, WhatIsWrongWithAMaskIsTold) {
  write_mask(folder_ / "masks/train/a.png", {1});
  EXPECT_EQ(kinds(), "mask-size");
  fs::rename(folder_ / "masks/train/a.png", folder_ / "masks/train/b.png");
  EXPECT_EQ(kinds(), "label-without-picture mask-missing");
  expect_error(
      ErrorCode::kCorruptData, [&] { open_dataset(folder_.path(), 3, Split::kTrain); },
      "a.jpg': no mask has its name");
  write(folder_ / "masks/train/a.png", "broken");
  EXPECT_EQ(kinds(), "label-without-picture mask-value");
}

/// COCO's: a network that learns boxes does not see them; one that learns pixels must not take them
/// for background.
TEST(CocoMasks, CrowdsAreKeptForTheirPixelsAlone) {
  const TemporaryFolder folder;
  write_picture(folder / "train2017/a.png", 200, 100, 50, 16);
  write(folder / "annotations/instances_train2017.json",
        R"({"images": [{"id": 8, "file_name": "a.png", "height": 16, "width": 16}],
            "annotations": [
              {"id": 2, "image_id": 8, "category_id": 3, "bbox": [0, 0, 16, 16], "iscrowd": 1,
               "segmentation": {"counts": [0, 128, 128], "size": [16, 16]}},
              {"id": 3, "image_id": 8, "category_id": 3, "bbox": [2, 2, 4, 4]}],
            "categories": [{"id": 3, "name": "cat"}]})");
  const DatasetPtr set = open_dataset(folder.path(), 3, Split::kTrain);
  const Preparation prepare = scene_changing(kNoAugmentation, 1);
  const auto objects = [&](bool ignored) {
    Random random = Seed{1}.random();
    const Wanted wanted{.index = 0, .frame = {32, 32}, .side = 32, .ignored = ignored};
    return prepare(*set, wanted, random).scene.objects.size();
  };
  EXPECT_EQ(objects(false), 1U);
  EXPECT_EQ(objects(true), 2U);
}

}  // namespace
}  // namespace lorae::data
