#include "training/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "training/optimizer.h"

namespace lorae::training {
namespace {

using nlohmann::json;

TEST(Schedule, WarmsUpAndFalls) {
  ScheduleOptions options{.epochs = 10, .warmup_epochs = 2, .final_fraction = 0.1};
  const auto factor = [&](double progress) {
    return pace_at(options, {.progress = progress}).factor;
  };
  EXPECT_DOUBLE_EQ(factor(1), 0.5);
  EXPECT_DOUBLE_EQ(factor(2), 1);
  EXPECT_NEAR(factor(6), 0.55, 1e-12);
  EXPECT_NEAR(factor(10), 0.1, 1e-12);
  options.kind = Schedule::kLinear;
  EXPECT_NEAR(factor(4), 0.1 + 0.9 * 0.75, 1e-12);
  options.kind = Schedule::kConstant;
  EXPECT_DOUBLE_EQ(factor(9), 1);
}

class ReferenceSchedule : public ::testing::TestWithParam<const char*> {
 protected:
  static json golden() {
    return json::parse(std::ifstream(LORAE_GOLDEN "/training/schedule.json"));
  }
};

TEST_P(ReferenceSchedule, IsMetAtEveryBatch) {
  const json golden = ReferenceSchedule::golden().at(GetParam());
  const auto whole = [&](const char* key) { return golden.at(key).get<std::int64_t>(); };
  const ScheduleOptions options{
      .kind = golden.at("cos_lr").get<bool>() ? Schedule::kCosine : Schedule::kLinear,
      .epochs = whole("epochs"),
      .warmup_epochs = 3,
      .warmup_least = 100,
      .final_fraction = golden.at("lrf").get<double>(),
      .stairs = true,
      .nominal_batch = 64,
      .batch_size = whole("batch")};
  const auto pace = [&](std::int64_t step) {
    return pace_at(options, {.epoch = step / whole("batches_per_epoch"),
                             .step = step,
                             .batches = whole("batches_per_epoch")});
  };
  const double rate = golden.at("lr0").get<double>();
  const ParameterGroup weights{{}, rate, 0, 0}, biases{{}, rate, 0, 0.1};
  for (const json& row : golden.at("rows")) {
    const auto step = row.at("ni").get<std::int64_t>();
    const json& rates = row.at("lr_bias,decay,bn");
    EXPECT_NEAR(biases.rate(pace(step)), rates[0].get<double>(), 1e-12) << step;
    EXPECT_NEAR(weights.rate(pace(step)), rates[1].get<double>(), 1e-12) << step;
    EXPECT_EQ(pace(step).accumulate, row.at("accumulate").get<std::int64_t>()) << step;
  }
  const double decay =
      0.0005 * static_cast<double>(options.batch_size * full_accumulation(options)) / 64;
  EXPECT_NEAR(decay, golden.at("weight_decay_scaled").get<double>(), 1e-12);
  std::int64_t updates = 0, last = -1;
  std::vector<std::int64_t> first;
  for (std::int64_t step = 0; step < whole("epochs") * whole("batches_per_epoch"); ++step) {
    if (step - last >= pace(step).accumulate) {
      last = step;
      ++updates;
      if (first.size() < golden.at("first_steps_at").size()) {
        first.push_back(step);
      }
    }
  }
  EXPECT_EQ(updates, whole("optimizer_steps_total"));
  EXPECT_EQ(json(first), golden.at("first_steps_at"));
}

INSTANTIATE_TEST_SUITE_P(All,
                         ReferenceSchedule,
                         ::testing::Values("linear_b16", "cos_b16", "cls_b1024", "b128"));

}  // namespace
}  // namespace lorae::training
