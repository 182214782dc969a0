#include "experiment/evaluator.h"

#include <future>
#include <thread>
#include <utility>

#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::experiment {
namespace {

StateDict state_of(double value) {
  return StateDict({{"w", torch::full({1}, value)}});
}

Metrics top1(double value) {
  return {{"top1", value}};
}

TEST(Evaluator, MeasuresWhatWasSubmittedAndTells) {
  std::promise<void> told;
  Evaluator evaluator([](RoundId, const StateDict& state,
                         const auto&) { return top1(state.at("w").item<double>()); },
                      [&] { told.set_value(); });

  evaluator.submit(RoundId{7}, state_of(0.5));
  told.get_future().wait();

  const auto results = evaluator.take_results();
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].round, RoundId{7});
  EXPECT_EQ(results[0].metrics, top1(0.5));
  EXPECT_TRUE(evaluator.take_results().empty());
}

TEST(Evaluator, PassesOverWhatIsOlderThanWhatWaits) {
  std::promise<void> started;
  std::promise<void> go_on;
  bool first = true;
  Evaluator evaluator(
      [&](RoundId, const StateDict& state, const auto&) {
        if (std::exchange(first, false)) {
          started.set_value();
          go_on.get_future().wait();
        }
        return top1(state.at("w").item<double>());
      },
      [] {});
  evaluator.submit(RoundId{1}, state_of(1));
  started.get_future().wait();  // the first is in hand; the second will not be measured
  evaluator.submit(RoundId{2}, state_of(2));
  evaluator.submit(RoundId{3}, state_of(3));
  go_on.set_value();
  evaluator.finish();

  const auto results = evaluator.take_results();
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].round, RoundId{1});
  EXPECT_EQ(results[1].round, RoundId{3});
}

TEST(Evaluator, HandsOnWhatMeasuringThrew) {
  Evaluator evaluator(
      [](RoundId, const StateDict&, const auto&) -> Metrics {
        fail(ErrorCode::kIncompatible, "no such tensor");
      },
      [] {});
  evaluator.submit(RoundId{1}, state_of(1));
  evaluator.finish();
  lorae::testing::expect_error(
      ErrorCode::kIncompatible, [&] { evaluator.take_results(); }, "no such tensor");
}

TEST(Evaluator, StopsTheMeasurementInHandWhenItEnds) {
  std::promise<void> started;
  {
    Evaluator evaluator(
        [&](RoundId, const StateDict&, const std::stop_token& stop) {
          started.set_value();
          while (!stop.stop_requested()) {
            std::this_thread::yield();
          }
          return Metrics{};
        },
        [] { ADD_FAILURE() << "a result after the stop"; });
    evaluator.submit(RoundId{1}, state_of(1));
    started.get_future().wait();
  }  // returns
}

}  // namespace
}  // namespace lorae::experiment
