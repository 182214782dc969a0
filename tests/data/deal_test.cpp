#include "data/deal.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/skew.h"
#include "data/domains.h"
#include "data/formats/open.h"
#include "tensors/torch.h"
#include "tests/data/files.h"

namespace lorae::data {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

/// Picture i has 1 + i % 3 objects of class i % 4, of sides 0.1 + i / 1000, in domain "d" i % 3.
class Made final : public Dataset {
 public:
  std::int64_t size() const override { return 240; }
  const std::vector<std::string>& classes() const override { return classes_; }
  std::int64_t label(std::int64_t index) const override { return index % 10 == 9 ? -1 : index % 4; }
  Annotation annotation() const override { return Annotation::kBoxes; }
  std::vector<Object> objects(std::int64_t index) const override {
    const double side = 0.1 + static_cast<double>(index) / 1000;
    const std::int64_t count = label(index) < 0 ? 0 : 1 + index % 3;
    return std::vector<Object>(static_cast<std::size_t>(count),
                               Object{.label = index % 4, .box = {0, 0, side, side}});
  }
  std::string domain(std::int64_t index) const override { return str("d", index % 3); }
  Sample get(std::int64_t) const override { return {}; }
  std::string name(std::int64_t index) const override { return str("picture ", index); }

 private:
  std::vector<std::string> classes_ = {"a", "b", "c", "d"};
};

const Made kSet;

Shares dealt(Deal rule, std::int64_t shares, std::uint64_t seed = 1) {
  return deal(kSet, {.rule = rule, .alpha = 0.3, .min_images = 2}, shares, Seed{seed});
}

double skew(const Shares& shares) {
  std::vector<std::vector<std::int64_t>> counts;
  for (const auto& share : shares) {
    counts.push_back(class_counts(kSet, share));
  }
  return skew_of(counts);
}

TEST(Deal, EveryRuleDealsEachPictureOnceAndRepeats) {
  for (std::size_t i = 0; i < kNames<Deal>.size(); ++i) {
    const auto rule = static_cast<Deal>(i);
    const Shares shares = dealt(rule, 6);
    ASSERT_EQ(shares.size(), 6U) << name_of(rule);
    std::set<std::int64_t> all;
    for (const auto& share : shares) {
      EXPECT_FALSE(share.empty()) << name_of(rule);
      EXPECT_TRUE(std::ranges::is_sorted(share));
      all.insert(share.begin(), share.end());
    }
    EXPECT_EQ(std::ssize(all), kSet.size()) << name_of(rule);
    EXPECT_EQ(std::accumulate(shares.begin(), shares.end(), std::int64_t{0},
                              [](std::int64_t sum, const auto& s) { return sum + std::ssize(s); }),
              kSet.size());
    EXPECT_EQ(dealt(rule, 6), shares) << name_of(rule);
    if (rule != Deal::kObjectSize && rule != Deal::kMaskArea) {  // which are all different
      EXPECT_NE(dealt(rule, 6, 2), shares) << name_of(rule);
    }
  }
}

TEST(Deal, DirichletOfObjectsIsSkewedAndIidIsNot) {
  EXPECT_LT(skew(dealt(Deal::kIid, 6)), 0.15);
  EXPECT_GT(skew(dealt(Deal::kDirichletObjects, 6)), 0.3);
  EXPECT_GT(skew(dealt(Deal::kShards, 6)), 0.3);
  EXPECT_LT(skew(dealt(Deal::kObjectSize, 6)), 0.15);
}

TEST(Deal, SizesAndDomainsAreSorted) {
  const Shares by_size = dealt(Deal::kObjectSize, 4);
  for (const std::int64_t i : by_size.back()) {
    EXPECT_GE(i, 150);
  }
  const Shares by_domain = dealt(Deal::kDomain, 3);
  for (const auto& share : by_domain) {
    for (const std::int64_t i : share) {
      EXPECT_EQ(i % 3, share.front() % 3);
    }
  }
  for (const auto& share : dealt(Deal::kDomain, 7)) {
    for (const std::int64_t i : share) {
      EXPECT_EQ(i % 3, share.front() % 3);
    }
  }
}

TEST(Deal, QuantitiesDiffer) {
  const Shares shares = dealt(Deal::kQuantity, 6);
  const auto [least, most] =
      std::ranges::minmax_element(shares, {}, [](const auto& share) { return share.size(); });
  EXPECT_GE(least->size(), 2U);
  EXPECT_GT(most->size(), 4 * least->size());
}

TEST(Deal, DomainsMayComeFromAColumnOfACsvFile) {
  const TemporaryFolder folder;
  write_picture(folder / "cat/1.png", 1, 2, 3);
  write_picture(folder / "dog/2.png", 1, 2, 3);
  const DatasetPtr set = open_dataset(folder.path(), 3, Split::kTrain);
  write(folder / "d.csv", "image,site,day\n2,north,\"1, 2\"\n1.png,south,3\n");
  const auto domains = domains_of_csv(*set, folder / "d.csv", "site");
  EXPECT_EQ(domains, (std::vector<std::string>{"south", "north"}));
  const DatasetPtr named = with_domains(set, domains);
  EXPECT_EQ(named->domain(1), "north");
  EXPECT_EQ(deal(*named, {.rule = Deal::kDomain}, 2, Seed{}).size(), 2U);
  expect_error(
      ErrorCode::kInvalidConfig, [&] { domains_of_csv(*set, folder / "d.csv", "place"); },
      "no column 'place': expected one of image, site, day");
  write(folder / "d.csv", "image,site\n1,south\n");
  expect_error(
      ErrorCode::kCorruptData, [&] { domains_of_csv(*set, folder / "d.csv", "site"); },
      "no line for picture");
  write(folder / "d.csv", "image,site\n1\n");
  expect_error(
      ErrorCode::kCorruptData, [&] { domains_of_csv(*set, folder / "d.csv", "site"); },
      "d.csv':2: expected 2 cells");
}

TEST(Deal, Cifar100HasItsSuperclassesForDomains) {
  const TemporaryFolder folder;
  std::string fine, coarse;
  for (int k = 0; k < 100; ++k) {
    fine += str("fine", k, "\n");
    coarse += k < 20 ? str("coarse", k, "\n") : "";
  }
  write(folder / "fine_label_names.txt", fine);
  write(folder / "train.bin", "\x03\x11" + pixels(3072) + "\x13\x12" + pixels(3072));
  EXPECT_EQ(open_dataset(folder.path(), 3, Split::kTrain)->domain(1), "19");
  write(folder / "coarse_label_names.txt", coarse);
  const DatasetPtr set = open_dataset(folder.path(), 3, Split::kTrain);
  EXPECT_EQ(set->domain(0), "coarse3");
  EXPECT_EQ(set->label(0), 17);
  EXPECT_NE(set->in_memory(), nullptr);
}

TEST(Deal, WhatASetHasNotIsRefused) {
  const DatasetPtr plain = memory_dataset(
      {torch::zeros({4, 1, 2, 2}, torch::kUInt8), torch::tensor({0, 1, 0, 1}), {"a", "b"}});
  for (const Deal rule : {Deal::kDirichletObjects, Deal::kObjectSize, Deal::kMaskArea}) {
    expect_error(
        ErrorCode::kInvalidConfig, [&] { deal(*plain, {.rule = rule}, 2, Seed{}); },
        "goes by objects");
  }
  expect_error(
      ErrorCode::kInvalidConfig, [&] { deal(*plain, {.rule = Deal::kDomain}, 2, Seed{}); },
      "knows no domains");
  expect_error(
      ErrorCode::kInvalidConfig, [&] { deal(*plain, {}, 5, Seed{}); },
      "cannot deal 4 images into 5");
}

}  // namespace
}  // namespace lorae::data
