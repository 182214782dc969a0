#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/seed.h"
#include "data/rle.h"
#include "tasks/metrics/draw.h"

namespace lorae::tasks::metrics {
namespace {

using Pixels = std::vector<std::uint8_t>;

Pixels random_pixels(std::size_t count, std::uint64_t seed, std::uint64_t one_in) {
  Random random(seed);
  Pixels pixels(count);
  for (auto& pixel : pixels) {
    pixel = random.below(one_in) == 0 ? 1 : 0;
  }
  return pixels;
}

TEST(Rle, CountsColumnByColumn) {
  //  0 1 1
  //  1 1 0
  const Rle mask = data::encode_rows(Pixels{0, 1, 1, 1, 1, 0}, 2, 3);
  EXPECT_EQ(mask.counts, (std::vector<std::uint32_t>{1, 4, 1}));
  EXPECT_EQ(area(mask), 4);
  EXPECT_EQ(extent(mask), (data::Box{0, 0, 3, 2}));
  const Rle full = data::encode_rows(Pixels(6, 1), 2, 3);
  EXPECT_EQ(full.counts, (std::vector<std::uint32_t>{0, 6})) << "the first run is of what is not";
  EXPECT_EQ(data::encode_rows(Pixels(6, 0), 2, 3).counts, (std::vector<std::uint32_t>{6}));
  EXPECT_THROW(data::encode_rows(Pixels(5, 0), 2, 3), Error);
  EXPECT_THROW(data::encode_columns(Pixels(5, 0), 2, 3), Error);
}

TEST(Rle, KeepsEveryPixel) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Pixels a = random_pixels(13 * 17, seed, 2 + seed % 5);
    const Pixels b = random_pixels(13 * 17, 100 + seed, 2);
    const Rle of_a = data::encode_rows(a, 13, 17), of_b = data::encode_rows(b, 13, 17);
    EXPECT_EQ(decode(of_a), a);
    Pixels columns;
    for (std::size_t x = 0; x < 17; ++x) {
      for (std::size_t y = 0; y < 13; ++y) {
        columns.push_back(a[y * 17 + x]);
      }
    }
    EXPECT_EQ(data::encode_columns(columns, 13, 17), of_a);
    std::int64_t pixels = 0, both = 0;
    Pixels any(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      pixels += a[i];
      both += a[i] & b[i];
      any[i] = a[i] | b[i];
    }
    EXPECT_EQ(area(of_a), pixels);
    EXPECT_EQ(intersection(of_a, of_b), both);
    EXPECT_EQ(joined(std::vector{of_a, of_b}), data::encode_rows(any, 13, 17));
    const auto read = data::from_text(to_text(of_a), 13, 17);
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(*read, of_a);
  }
}

TEST(Rle, TheBoxGoesAroundThePixels) {
  Pixels pixels(5 * 6);
  pixels[1 * 6 + 2] = 1;
  pixels[3 * 6 + 2] = 1;
  EXPECT_EQ(extent(data::encode_rows(pixels, 5, 6)), (data::Box{2, 1, 3, 4}));
  pixels[0 * 6 + 4] = 1;
  EXPECT_EQ(extent(data::encode_rows(pixels, 5, 6)), (data::Box{2, 0, 5, 4}));
  EXPECT_EQ(extent(data::encode_rows(Pixels(30), 5, 6)), (data::Box{}));
}

// pycocotools 2.0.11: mask.encode of pixels (7 x + 3 y) % 5 < 2 in 9 rows of 11, its text, its
// area.
TEST(Rle, TextsAreThoseOfPycocotools) {
  Pixels pixels;
  for (int y = 0; y < 9; ++y) {
    for (int x = 0; x < 11; ++x) {
      pixels.push_back((7 * x + 3 * y) % 5 < 2 ? 1 : 0);
    }
  }
  const Rle mask = data::encode_rows(pixels, 9, 11);
  EXPECT_EQ(area(mask), 40);
  EXPECT_EQ(to_text(mask),
            "011010O010O010O010O010O010O010O010O010O010O010O010O010O010O010O010O010O010O010O00");
  Pixels large(300 * 200);
  for (std::size_t i = 0; i < large.size(); ++i) {
    large[i] = i % 200 > 20 && i / 200 > 5 && i / 200 < 290 ? 1 : 0;
  }
  EXPECT_EQ(
      to_text(data::encode_rows(large, 300, 200)),
      "RU6l8`"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000000000000000000000000000000000000000000000000000000000000J");
}

TEST(Rle, OutlinesAreDrawnAsByPycocotools) {
  const auto check = [](const data::Polygon& outline, const std::string& text) {
    EXPECT_EQ(to_text(drawn(outline, 40, 50)), text);
  };
  check({{3.2, 4.1}, {30.7, 6.9}, {22.4, 35.3}},
        "l31W11O2O0O2N2N1O2N2N1O2N1O2O1N1O2N2N1O2N1OM3L4M4K4M3M3L4Mdg0");
  check({{0, 0}, {50, 0}, {50, 40}, {0, 40}}, "0`n1");
  check({{-5, -3}, {20.5, 10.5}, {60, 45}, {10, 38.2}},
        "0<"
        "l03N1O2M3N2M2O2M3N2M10O010O001O001O001O010O1O1O1O1O1O1O001O1O1O1O1O1O1O001O1O1O1O1O1O1O001"
        "O1O1O1O1O");
  check({{5, 5}, {5, 5}, {25, 5}, {25, 25}, {5, 25}},
        "]6d0d00000000000000000000000000000000000000So0");
  check({{10.5, 10.5}, {12.5, 10.5}, {12.5, 12.5}, {10.5, 12.5}}, "S>2V10m]1");
  check({{1, 1}, {40, 1}, {1, 30}, {40, 30}},
        "a21k00@1>0B1<0D0<0D1:0F180H160J060J140L120N011O00001N021L040K150J061H081F0:?0AF0:"
        "OH08OJ06OK15OL04ON02O000O11OO20NO40LO60J060JO80HO:0FO<0D0<0DO>0BO`00W=");
  check({{7.3, 2.2},
         {19.9, 3.1},
         {33.3, 9.7},
         {41.8, 22.6},
         {36.1, 33.9},
         {20.2, 38.8},
         {9.4, 30.5},
         {14.6, 18.4}},
        "R:3U12BLD68LI53NL5NO13K042H08a0O1O1O001O10N101O0O2O001O0O2O001N101O1N3N1N3L3M4L4L3M\\9");
}

TEST(Rle, TextsOfStrangersAreRefused) {
  const std::string text = to_text(data::encode_rows(random_pixels(120, 1, 3), 10, 12));
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(data::from_text(text.substr(0, length), 10, 12).ok()) << length;
  }
  EXPECT_FALSE(data::from_text(text, 10, 13).ok());
  EXPECT_FALSE(data::from_text(text, 0, 12).ok());
  EXPECT_FALSE(data::from_text(text, std::int64_t{1} << 40, std::int64_t{1} << 40).ok());
  EXPECT_FALSE(data::from_text("oooooooooooooooooooooooooooo", 10, 12).ok());
  EXPECT_FALSE(data::from_text(std::string("0\n0"), 10, 12).ok());
  EXPECT_FALSE(data::from_text("\xff\xfe", 10, 12).ok());
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = text;
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      if (const auto mask = data::from_text(changed, 10, 12)) {
        EXPECT_EQ(decode(*mask).size(), 120U);
      }
    }
  }
  EXPECT_FALSE(data::from_counts(std::vector<std::int64_t>{5, -1, 116}, 10, 12).ok());
  EXPECT_FALSE(data::from_counts(std::vector<std::int64_t>{5, 1}, 10, 12).ok());
  EXPECT_TRUE(data::from_counts(std::vector<std::int64_t>{5, 115}, 10, 12).ok());
}

TEST(Rle, OutlinesOfStrangersAreRefused) {
  EXPECT_THROW(drawn({{0, 0}, {1e300, 0}, {0, 5}}, 40, 50), Error);
  EXPECT_THROW(drawn({{0, 0}, {std::nan(""), 0}, {0, 5}}, 40, 50), Error);
  EXPECT_EQ(area(drawn({}, 40, 50)), 0);
  EXPECT_EQ(area(drawn({{3, 3}}, 40, 50)), 0);
  EXPECT_EQ(area(drawn({{-50, -50}, {500, -50}, {500, 500}, {-50, 500}}, 40, 50)), 40 * 50);
}

}  // namespace
}  // namespace lorae::tasks::metrics
