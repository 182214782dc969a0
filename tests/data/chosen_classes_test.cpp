#include "data/formats/chosen_classes.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tensors/torch.h"
#include "tests/base/support.h"

namespace lorae::data {
namespace {

/// Picture i shows a cat if i is even, and three dogs if i is a multiple of 3.
class Pets final : public Dataset {
 public:
  std::int64_t size() const override { return 12; }
  const std::vector<std::string>& classes() const override { return classes_; }
  std::int64_t label(std::int64_t index) const override {
    return index % 3 == 0 ? 2 : index % 2 == 0 ? 1 : -1;
  }
  Annotation annotation() const override { return Annotation::kBoxes; }
  std::vector<Object> objects(std::int64_t index) const override {
    std::vector<Object> objects;
    if (index % 2 == 0) {
      objects.push_back({.label = 1, .box = {0, 0, 0.5, 0.5}});
    }
    if (index % 3 == 0) {
      objects.insert(objects.end(), 3, Object{.label = 2, .box = {0.5, 0.5, 1, 1}});
    }
    return objects;
  }
  Sample get(std::int64_t index) const override {
    return {torch::full({2, 2, 3}, index, torch::kUInt8), label(index), objects(index)};
  }
  std::string name(std::int64_t index) const override { return std::to_string(index); }

 private:
  std::vector<std::string> classes_ = {"bird", "cat", "dog"};
};

TEST(ChosenClasses, KeepPicturesThatShowThemAndNothingElseOfThose) {
  const auto set = std::make_shared<Pets>();
  EXPECT_EQ(showing(set, {}), set);

  const DatasetPtr cats = showing(set, {"cat"});
  ASSERT_EQ(cats->size(), 6);
  EXPECT_EQ(cats->classes(), set->classes()) << "labels keep their numbers";
  for (std::int64_t i = 0; i < cats->size(); ++i) {
    EXPECT_EQ(cats->name(i), std::to_string(2 * i));
    EXPECT_EQ(cats->label(i), 1) << "though there may be more dogs";
    EXPECT_EQ(cats->objects(i).size(), 1U);
    const Sample sample = cats->get(i);
    EXPECT_EQ(sample.image[0][0][0].item<int>(), 2 * i);
    EXPECT_EQ(sample.objects, cats->objects(i));
    EXPECT_EQ(sample.label, 1);
  }
  EXPECT_EQ(showing(set, {"dog", "cat"})->size(), 8);
}

TEST(ChosenClasses, OfPicturesOfOneClassEachAreASubset) {
  const ImageSet images{torch::arange(6, torch::kUInt8).view({6, 1, 1, 1}),
                        torch::tensor({0, 1, 2, 0, 1, 2}, torch::kInt64),
                        {"bird", "cat", "dog"}};
  const DatasetPtr some = showing(memory_dataset(images), {"dog", "bird"});
  ASSERT_EQ(some->size(), 4);
  EXPECT_EQ(labels_of(*some), (std::vector<std::int64_t>{0, 2, 0, 2}));
  EXPECT_NE(some->in_memory(), nullptr);
}

TEST(ChosenClasses, ThatAreNotThereAreTold) {
  const auto [code, text] = error_of([] { showing(std::make_shared<Pets>(), {"cow"}); });
  EXPECT_EQ(code, ErrorCode::kInvalidConfig);
  EXPECT_NE(text.find("'cow' is no class of the set: it has bird, cat, dog"), std::string::npos)
      << text;
  const auto [none, why] = error_of([] { showing(std::make_shared<Pets>(), {"bird"}); });
  EXPECT_EQ(none, ErrorCode::kInvalidConfig);
  EXPECT_NE(why.find("no picture shows any of bird"), std::string::npos) << why;
}

}  // namespace
}  // namespace lorae::data
