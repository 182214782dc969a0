#include "data/scene.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/preparation.h"
#include "data/raster.h"
#include "tensors/torch.h"
#include "tests/data/formula_image.h"

// Golden values: OpenCV 4.6.0, through the reference's own functions.
namespace lorae::data {
namespace {

using testing::formula_image;

struct Golden {
  std::vector<std::int64_t> per_channel;
  std::vector<int> top;     // the first 12 values of row 0
  std::vector<int> middle;  // of row height / 2
};

void expect_pixels(const at::Tensor& image, const Golden& golden) {
  const auto values = [](const at::Tensor& row) {
    const at::Tensor first = row.reshape(-1).slice(0, 0, 12).to(torch::kInt32).contiguous();
    return std::vector<int>(first.data_ptr<int>(), first.data_ptr<int>() + first.numel());
  };
  for (std::int64_t c = 0; c < 3; ++c) {
    EXPECT_EQ(image.select(2, c).sum().item<std::int64_t>(),
              golden.per_channel[static_cast<std::size_t>(c)]);
  }
  EXPECT_EQ(values(image[0]), golden.top);
  EXPECT_EQ(values(image[image.size(0) / 2]), golden.middle);
}

void expect_box(const Box& box, PictureSize frame, const std::array<double, 4>& pixels) {
  const auto width = static_cast<double>(frame.width), height = static_cast<double>(frame.height);
  EXPECT_NEAR(box.x1 * width, pixels[0], 1e-5);
  EXPECT_NEAR(box.y1 * height, pixels[1], 1e-5);
  EXPECT_NEAR(box.x2 * width, pixels[2], 1e-5);
  EXPECT_NEAR(box.y2 * height, pixels[3], 1e-5);
}

Object boxed(double x, double y, double width, double height) {
  return {.label = 0, .box = {x - width / 2, y - height / 2, x + width / 2, y + height / 2}};
}

Object in_pixels(const std::array<double, 4>& box, double side) {
  return {.label = 0, .box = {box[0] / side, box[1] / side, box[2] / side, box[3] / side}};
}

TEST(Scene, IsLetterboxedAsByTheReference) {
  const Scene scene = letterboxed({formula_image("img.a", 50, 70), {}}, {64, 64}, false);
  const std::vector<int> grey(12, kGrey);
  expect_pixels(
      scene.image,
      {{506811, 510012, 504163}, grey, {49, 182, 129, 202, 191, 199, 130, 171, 113, 123, 26, 84}});
}

TEST(Scene, LiesInTheFrameWhereTheReferencePutsIt) {
  struct Case {
    PictureSize picture, scaled;
    double left, top;
    std::array<double, 4> centre;
  };
  const std::vector<Case> cases = {
      {{375, 500}, {480, 640}, 0, 80, {160, 200, 480, 440}},
      {{500, 375}, {640, 480}, 80, 0, {200, 160, 440, 480}},
      {{333, 500}, {427, 640}, 0, 106, {160, 212.75, 480, 426.25}},
      {{281, 500}, {360, 640}, 0, 140, {160, 230, 480, 410}},
      {{100, 37}, {640, 237}, 201, 0, {260.25, 160, 378.75, 480}},
      {{720, 1280}, {360, 640}, 0, 140, {160, 230, 480, 410}},
  };
  for (const Case& one : cases) {
    const Scene scene{torch::zeros({one.picture.height, one.picture.width, 3}, torch::kUInt8),
                      {boxed(0.5, 0.5, 0.5, 0.5)}};
    const Scene scaled = scaled_to_side(scene, 640);
    EXPECT_EQ(scaled.size(), one.scaled);
    Placement where;
    const Scene placed = letterboxed(scaled, {640, 640}, false, &where);
    EXPECT_EQ(where.left, one.left);
    EXPECT_EQ(where.top, one.top);
    expect_box(placed.objects.at(0).box, {640, 640}, one.centre);
  }
}

TEST(Scene, IsComposedOfFourAsByTheReference) {
  const std::array<Scene, 4> tiles{Scene{formula_image("m0", 48, 64), {boxed(0.5, 0.5, 0.5, 0.5)}},
                                   Scene{formula_image("m1", 64, 40), {boxed(0.3, 0.3, 0.4, 0.4)}},
                                   Scene{formula_image("m2", 64, 64), {boxed(0.6, 0.5, 0.7, 0.8)}},
                                   Scene{formula_image("m3", 30, 64), {boxed(0.5, 0.5, 1, 1)}}};
  const Scene scene = mosaic(tiles, {64, 64}, 50, 70);
  const std::vector<int> grey(12, kGrey);
  expect_pixels(scene.image, {{1986877, 2004567, 2003007},
                              grey,
                              {37, 250, 208, 189, 109, 172, 148, 146, 186, 180, 219, 89}});
  ASSERT_EQ(scene.objects.size(), 4U);
  expect_box(scene.objects[0].box, {128, 128}, {2, 34, 34, 58});
  expect_box(scene.objects[1].box, {128, 128}, {54, 12.4, 70, 38});
  expect_box(scene.objects[2].box, {128, 128}, {2, 76.4, 46.8, 127.6});
  expect_box(scene.objects[3].box, {128, 128}, {50, 70, 114, 100});
}

TEST(Scene, IsWarpedAsByTheReference) {
  const Scene scene{formula_image("img.c", 128, 128),
                    {in_pixels({20, 30, 60, 90}, 128), in_pixels({0, 0, 128, 128}, 128),
                     in_pixels({100, 100, 104, 103}, 128)}};
  const Affine affine{.scale = 0.8, .x = 0.55, .y = 0.46};
  const auto matrix = matrix_of(affine, {128, 128}, {64, 64});
  EXPECT_FLOAT_EQ(static_cast<float>(matrix[2]), -16);
  EXPECT_FLOAT_EQ(static_cast<float>(matrix[5]), -21.76F);
  const Scene moved = warped(scene, affine, {64, 64});
  expect_pixels(moved.image, {{526390, 529479, 521792},
                              {47, 142, 114, 196, 55, 109, 186, 146, 146, 175, 153, 107},
                              {100, 40, 13, 171, 35, 159, 117, 75, 117, 100, 90, 84}});
  ASSERT_EQ(moved.objects.size(), 2U) << "of the last too little is left";
  expect_box(moved.objects[0].box, {64, 64}, {0, 2.24, 32, 50.24});
  expect_box(moved.objects[1].box, {64, 64}, {0, 0, 64, 64});
}

TEST(Scene, TurnsAboutTheCentreCounterClockwise) {
  const Scene scene{torch::zeros({100, 100, 3}, torch::kUInt8), {boxed(0.8, 0.5, 0.2, 0.1)}};
  const Scene turned = warped(scene, {.degrees = 90}, {100, 100});
  expect_box(turned.objects.at(0).box, {100, 100}, {45, 10, 55, 30});
}

TEST(Scene, ChangesColoursAsTheReference) {
  const at::Tensor bgr = formula_image("img.a", 50, 70);
  const at::Tensor changed = recoloured(bgr.flip({2}).contiguous(), {1.01, 0.6, 1.3});
  expect_pixels(changed.flip({2}), {{630955, 634013, 631384},
                                    {255, 109, 235, 110, 168, 255, 188, 187, 118, 228, 129, 139},
                                    {128, 240, 188, 255, 233, 251, 193, 255, 195, 163, 90, 99}});
}

TEST(Scene, CutsOutlinesAtTheFrame) {
  const Object cross{.label = 1,
                     .box = {-0.5, 0.25, 0.5, 0.75},
                     .polygons = {{{-0.5, 0.25}, {0.5, 0.25}, {0.5, 0.75}, {-0.5, 0.75}}}};
  const Object left = cut(cross);
  EXPECT_EQ(left.box, (Box{0, 0.25, 0.5, 0.75}));
  for (const Point& point : left.polygons.at(0)) {
    EXPECT_GE(point.x, 0);
  }
  const Object outside = cut({.label = 0, .box = {1.2, 0, 1.5, 1}});
  EXPECT_EQ(outside.box.area(), 0);
}

TEST(Scene, IsMirroredWithItsObjects) {
  Scene scene{formula_image("img.a", 10, 20), {boxed(0.25, 0.5, 0.1, 0.2)}};
  scene.objects[0].polygons = {{{0.2, 0.4}, {0.3, 0.4}, {0.3, 0.6}}};
  const Scene mirror = flipped(scene, false);
  EXPECT_NEAR(mirror.objects[0].box.x1, 0.7, 1e-12);
  EXPECT_NEAR(mirror.objects[0].box.x2, 0.8, 1e-12);
  EXPECT_NEAR(mirror.objects[0].polygons[0][0].x, 0.8, 1e-12);
  EXPECT_TRUE(flipped(mirror, false).image.equal(scene.image));
}

TEST(Scene, PastesMirroredObjectsWhereTheyHideNothing) {
  const at::Tensor image = formula_image("img.a", 40, 40);
  Object object = boxed(0.2, 0.5, 0.2, 0.2);
  object.polygons = {{{0.1, 0.4}, {0.3, 0.4}, {0.3, 0.6}, {0.1, 0.6}}};
  const Scene pasted = copy_pasted({image, {object}}, {0});
  ASSERT_EQ(pasted.objects.size(), 2U);
  EXPECT_TRUE(pasted.image[20][32].equal(image[20][40 - 1 - 32]));
  EXPECT_TRUE(pasted.image[5][5].equal(image[5][5]));
  Object middle = object;
  middle.polygons = {{{0.4, 0.4}, {0.6, 0.4}, {0.6, 0.6}, {0.4, 0.6}}};
  middle.box = {0.4, 0.4, 0.6, 0.6};
  EXPECT_EQ(copy_pasted({image, {middle}}, {0}).objects.size(), 1U) << "it would hide itself";
}

std::vector<Object> polygons() {
  const auto outlined = [](std::int64_t label, Polygon pixels) {
    for (Point& point : pixels) {
      point = {point.x / 64, point.y / 64};
    }
    return Object{.label = label, .box = extent({pixels}), .polygons = {pixels}};
  };
  return {outlined(0, {{10, 10}, {50, 12}, {40, 50}, {15, 40}}),
          outlined(1, {{30, 30}, {62, 34}, {60, 60}, {28, 62}}),
          outlined(2, {{2.700000047683716, 50.20000076293945},
                       {20.899999618530273, 50.900001525878906},
                       {12.399999618530273, 63.900001525878906}})};
}

TEST(Raster, FillsOutlinesAsTheReference) {
  const std::vector<std::int64_t> pixels = {1195, 994, 153};
  std::vector<Object> objects = polygons();
  for (std::size_t i = 0; i < objects.size(); ++i) {
    EXPECT_EQ(outline_map({objects[i]}, {64, 64}).sum().item<std::int64_t>(), pixels[i]);
  }
  const std::vector<std::string> rows = {
      "0000000000000000", "0000000000000000", "0001111000000000", "0011111111111000",
      "0001111111110000", "0001111111110000", "0001111111110000", "0001111221110000",
      "0001111222222222", "0001111222222222", "0000111222222222", "0000000222222222",
      "0333300222222220", "0333300222222220", "0033000222222220", "0003000222200000"};
  std::vector<Object> mixed = {objects[2], objects[0], objects[1]};
  const at::Tensor map = instance_map(mixed, {64, 64}, 4);
  EXPECT_EQ(mixed[0].label, 0) << "largest first";
  EXPECT_EQ(mixed[2].label, 2);
  for (std::int64_t y = 0; y < 16; ++y) {
    std::string row;
    for (std::int64_t x = 0; x < 16; ++x) {
      row += std::to_string(map[y][x].item<int>());
    }
    EXPECT_EQ(row, rows[static_cast<std::size_t>(y)]);
  }
}

TEST(Scene, MixedMasksCountWhereTheyAgree) {
  const auto scene_of = [](std::vector<int> classes) {
    return Scene{torch::zeros({1, 3, 3}, torch::kUInt8),
                 {},
                 torch::tensor(classes, torch::kInt32).to(torch::kUInt8).view({1, 3})};
  };
  const Scene both = mixed(scene_of({1, 2, 0}), scene_of({1, 0, 0}), 0.5);
  EXPECT_TRUE(both.mask.equal(scene_of({1, kVoid, 0}).mask));
}

/// So many that one point alone would be spread between corners.
TEST(Raster, AnOutlineOfAnyNumberOfCornersIsFilled) {
  for (const std::size_t corners : {996U, 997U, 998U, 999U, 1000U, 1001U}) {
    Polygon circle;
    for (std::size_t i = 0; i < corners; ++i) {
      const double angle = 2 * 3.14159265358979 * static_cast<double>(i) / double(corners);
      circle.push_back({.x = 0.7 + 0.1 * std::cos(angle), .y = 0.7 + 0.1 * std::sin(angle)});
    }
    const Object object{.label = 0, .box = extent({circle}), .polygons = {circle}};
    const at::Tensor map = class_map({object}, {100, 100});
    EXPECT_NEAR(map.gt(0).sum().item<double>(), 314, 40) << corners;
    EXPECT_EQ(map.slice(0, 0, 55).gt(0).sum().item<std::int64_t>(), 0) << corners;
  }
}

TEST(Raster, PutsSmallerClassesOnTop) {
  const std::vector<Object> objects = {{.label = 3, .box = {0.4, 0.4, 0.6, 0.6}},
                                       {.label = 1, .box = {0, 0, 1, 1}}};
  const at::Tensor map = class_map(objects, {20, 20});
  EXPECT_EQ(map[10][10].item<int>(), 4);
  EXPECT_EQ(map[1][1].item<int>(), 2);
}

/// A crowd's pixels are neither right nor wrong.
TEST(Raster, IgnoredObjectsAreNotCounted) {
  const std::vector<Object> objects = {{.label = 3, .box = {0.4, 0.4, 0.6, 0.6}},
                                       {.label = 1, .box = {0, 0, 1, 1}, .ignored = true}};
  const at::Tensor map = class_map(objects, {20, 20});
  EXPECT_EQ(map[10][10].item<int>(), 4);
  EXPECT_EQ(map[1][1].item<int>(), kVoid);
}

}  // namespace
}  // namespace lorae::data
