#include "adapters/description.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace lorae::adapters {
namespace {

using nlohmann::json;

AdapterInfo example() {
  return {.model = "yolo11n",
          .kind = Kind::kLorae,
          .classes = 80,
          .round = RoundId{12},
          .base_digest = "c0ffee",
          .head = Head::kNone,
          .norm = Norm::kAffine,
          .layers = {{.name = "model.0.conv",
                      .kernel = 3,
                      .stride = 2,
                      .rank = 8,
                      .alpha = 16.1,
                      .scaling = 16.1 / 8},
                     {.name = "model.9.cv1.conv",
                      .kernel = 1,
                      .groups = 16,
                      .rank = 1,
                      .alpha = 16,
                      .scaling = 4}}};
}

TEST(Description, RoundTrips) {
  const Result<AdapterInfo> read = parse_description(description_text(example()));
  ASSERT_TRUE(read.ok()) << read.error().what();
  EXPECT_EQ(read->model, "yolo11n");
  EXPECT_EQ(read->classes, 80);
  EXPECT_EQ(read->round, RoundId{12});
  EXPECT_EQ(read->head, Head::kNone);
  EXPECT_EQ(read->norm, Norm::kAffine);
  EXPECT_EQ(read->task, "classification");
  EXPECT_EQ(read->layers, example().layers);
  EXPECT_EQ(description_text(*read), description_text(example()));
}

/// The description with one value changed, `path` as in RFC 6901; removed if `value` is discarded.
std::string changed(const std::string& path, const json& value) {
  json text = json::parse(description_text(example()));
  const json::json_pointer pointer(path);
  if (value.is_discarded()) {
    text.at(pointer.parent_pointer()).erase(pointer.back());
  } else {
    text[pointer] = value;
  }
  return text.dump();
}

TEST(Description, SkipsWhatItDoesNotKnow) {
  for (const char* path : {"/later", "/layers/0/later", "/layers/0/adapter/later"}) {
    const Result<AdapterInfo> read = parse_description(changed(path, {1, 2, 3}));
    ASSERT_TRUE(read.ok()) << read.error().what();
    EXPECT_EQ(description_text(*read), description_text(example()));
  }
}

TEST(Description, ReadsFormat2AsItWasWritten) {
  const Result<AdapterInfo> read = parse_description(
      R"({"version":2,"model":"yolo11n","kind":"lorae","classes":80,"round":12,)"
      R"("base_digest":"c0ffee","head":"none","norm":"affine","layers":[)"
      R"({"name":"model.0.conv","kernel":3,"stride":2,"groups":1,"rank":8,"alpha":16.1,)"
      R"("scaling":2.0125},{"name":"model.9.cv1.conv","kernel":1,"stride":1,"groups":16,)"
      R"("rank":1,"alpha":16,"scaling":4}]})");
  ASSERT_TRUE(read.ok()) << read.error().what();
  EXPECT_EQ(description_text(*read), description_text(example()));  // as format 3
}

struct Case {
  std::string text, message;
};

TEST(Description, EveryMistakeHasItsOwnMessage) {
  const json removed(json::value_t::discarded);
  const std::vector<Case> cases = {
      {"", "it is not JSON"},
      {"{", "it is not JSON"},
      {"[]", "expected an object, got array"},
      {changed("/version", removed), "version is missing"},
      {changed("/version", "2"), "version: expected a whole number in [0, 1048576], got string"},
      {changed("/version", 4),
       "format version 4, this build reads 2 and 3; it was written by a later LoRAE"},
      {changed("/version", 1), "format version 1, this build reads 2 and 3; write it again"},
      {changed("/task", removed), "task is missing"},
      {changed("/task", 1), "task: expected text, got number"},
      {changed("/model", removed), "model is missing"},
      {changed("/model", 5), "model: expected text, got number"},
      {changed("/kind", "lora"), "kind: expected one of lorae, full, head, got 'lora'"},
      {changed("/head", "half"), "head: expected one of last, none, branch, got 'half'"},
      {changed("/norm", nullptr), "norm: expected text, got null"},
      {changed("/classes", -1), "classes: expected a whole number in [0, 1048576], got -1"},
      {changed("/classes", 1e300), "classes: expected a whole number in [0, 1048576], got 1e+300"},
      {changed("/classes", 18446744073709551615ULL), "got 18446744073709551615"},
      {changed("/round", 1.5), "round: expected a whole number in [0, 9223372036854775807]"},
      {changed("/base_digest", removed), "base_digest is missing"},
      {changed("/layers", removed), "layers is missing"},
      {changed("/layers", 3), "layers: expected a list, got number"},
      {changed("/layers", json::array()), "kind is lorae, but there are no layers"},
      {changed("/kind", "head"), "kind is head, but there are layers"},
      {changed("/layers/0", 3), "layers[0]: expected an object, got number"},
      {changed("/layers/1/name", removed), "layers[1].name is missing"},
      {changed("/layers/1/name", ""), "layers[1].name is empty"},
      {changed("/layers/1/name", "model.0.conv"), "layers[1]: 'model.0.conv' comes twice"},
      {changed("/layers/0/shape", removed), "layers[0].shape is missing"},
      {changed("/layers/0/adapter", 3), "layers[0].adapter: expected an object, got number"},
      {changed("/layers/0/shape/kernel", -3),
       "layers[0].shape.kernel: expected a whole number in [0, 1048576]"},
      {changed("/layers/0/shape/stride", 0),
       "layers[0].shape.stride: expected a whole number in [1, 1048576]"},
      {changed("/layers/0/shape/groups", 0),
       "layers[0].shape.groups: expected a whole number in [1, 1048576]"},
      {changed("/layers/0/adapter/rank", 0),
       "layers[0].adapter.rank: expected a whole number in [1, 1048576]"},
      {changed("/layers/0/adapter/rank", 1 << 30),
       "layers[0].adapter.rank: expected a whole number in"},
      {changed("/layers/0/adapter/alpha", 0),
       "layers[0].adapter.alpha: expected a positive number, got 0"},
      {changed("/layers/0/adapter/scaling", "x"),
       "layers[0].adapter.scaling: expected a positive number, got string"},
      {std::string((16 << 20) + 1, ' '), "expected at most 16777216 bytes, got 16777217"},
  };
  for (const Case& c : cases) {
    const Result<AdapterInfo> read = parse_description(c.text);
    ASSERT_FALSE(read.ok()) << c.message;
    EXPECT_NE(std::string(read.error().what()).find(c.message), std::string::npos)
        << read.error().what() << "\nexpected: " << c.message;
  }
}

}  // namespace
}  // namespace lorae::adapters
