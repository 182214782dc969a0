#include "models/description.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace lorae::models {
namespace {

using nlohmann::json;

const Description kDescription{.model = {.name = "resnet18",
                                         .stem = "standard",
                                         .classes = 3,
                                         .channels = 3,
                                         .height = 96,
                                         .width = 64,
                                         .pool = 2,
                                         .mean = {0.1, 0.2, 0.3},
                                         .standard_deviation = {0.5}},
                               .task = "classification",
                               .class_names = {"a", "b \"quoted\"", "c"}};

TEST(Description, ReadsBackWhatItWrote) {
  const Metadata metadata = metadata_of(kDescription);
  const auto read = described(metadata);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(description_text(*read), description_text(kDescription));
  EXPECT_EQ(read->class_names, kDescription.class_names);
  EXPECT_EQ(read->model.mean, kDescription.model.mean);
  EXPECT_EQ(read->model.width, 64);
  EXPECT_EQ(read->model.norm_groups, 0);
  EXPECT_FALSE(described({}).has_value());
}

TEST(Description, TellsGroupsOfNorms) {
  Description groups = kDescription;
  groups.model.norm_groups = 8;
  EXPECT_EQ(parse_description(description_text(groups)).value().model.norm_groups, 8);
}

TEST(Description, SkipsFieldsThatItDoesNotKnowAndRefusesWhatMakesNoSense) {
  json good = json::parse(description_text(kDescription));
  good["later"] = 1;
  EXPECT_TRUE(parse_description(good.dump()).ok());
  const auto refused = [&](const std::string& pointer, const json& value) {
    json bad = good;
    bad[json::json_pointer(pointer)] = value;
    const auto read = parse_description(bad.dump());
    EXPECT_FALSE(read.ok()) << pointer << ' ' << value;
    EXPECT_TRUE(read.ok() || read.error().code() == ErrorCode::kCorruptData);
  };
  for (const json& value : {json(0), json(-1), json(1e18), json("3"), json(2.5)}) {
    refused("/classes", value);
    refused("/input/height", value);
  }
  refused("/input/mean", json::array({0.1, 0.2}));
  refused("/input/standard_deviation", json::array({0}));
  refused("/class_names", "a");
  for (const char* text : {"", "{", "[]", "{}", "null"}) {
    EXPECT_FALSE(parse_description(text).ok()) << text;
  }
}

}  // namespace
}  // namespace lorae::models
