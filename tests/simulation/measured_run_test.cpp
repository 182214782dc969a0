// What evaluations of a run's states do to it.
#include "adapters/adapter_file.h"
#include "tests/simulation/round_of_three.h"

namespace lorae::simulation {
namespace {

TEST_F(RoundOfThree, AsksForMetricsAndTakesThemWhenTheyAreThere) {
  pump();
  report(0, 1.0F);
  report(1, 2.0F);
  report(2, 3.0F);
  EXPECT_EQ(asked_, std::vector{RoundId{1}});
  EXPECT_EQ(journal_->metrics(RoundId{1}), (Metrics{{"loss/train", 0.5}}));

  coordinator_.reset();  // died before the number was there
  start_coordinator();
  coordinator_->advance(now_);
  EXPECT_EQ(asked_, (std::vector{RoundId{1}, RoundId{1}}));
  coordinator_->on_metrics(RoundId{1}, {{"top1", 0.25}}, coordinator_->state().tensors());
  EXPECT_EQ(journal_->metrics(RoundId{1}).find("top1"), 0.25);
  EXPECT_EQ(journal_->meta(runs::kMainMetricKey), "top1");

  coordinator_.reset();
  start_coordinator();
  coordinator_->advance(now_);
  EXPECT_EQ(asked_.size(), 2U);
}

/// An evaluation is the coordinator's: clients speak of their trainings alone.
TEST_F(RoundOfThree, TakesNoEvaluationFromAClient) {
  said_ = {{"loss/train", 0.5}, {"client/top1", 0.75}, {"top1", 2.0}};
  pump();
  for (std::size_t i = 0; i < 3; ++i) {
    report(i, 1.0F);
  }
  const Metrics kept = journal_->metrics(RoundId{1});
  EXPECT_EQ(kept.find("loss/train"), 0.5);
  EXPECT_EQ(kept.find("client/top1"), 0.75);
  EXPECT_FALSE(kept.find("top1"));
}

/// Runs of more rounds, whose states a test measures when it likes.
class MeasuredRun : public RoundOfThree {
 protected:
  void SetUp() override {
    federation_.rounds = 9;
    RoundOfThree::SetUp();
  }

  /// Runs a round; gives its state.
  StateDict round() {
    pump();
    for (std::size_t i = 0; i < 3; ++i) {
      report(i, 1.0F);
    }
    return coordinator_->state().tensors();
  }

  void measured(std::uint64_t round, double value, const StateDict& state) {
    coordinator_->on_metrics(RoundId{round}, {{"map50", value}}, state);
  }

  adapters::Adapter best() const { return adapters::load_adapter(directory_->best_path()); }
};

TEST_F(MeasuredRun, KeepsTheBestStateHoweverLateItIsMeasured) {
  std::vector<StateDict> states;
  for (int i = 0; i < 6; ++i) {
    states.push_back(round());
  }
  EXPECT_FALSE(std::filesystem::exists(directory_->best_path()));

  measured(1, 0.5, states[0]);  // its own file is gone by now
  EXPECT_EQ(best().info.round, RoundId{1});
  EXPECT_EQ(digest_of(best().state), digest_of(states[0]));
  measured(3, 0.5, states[2]);
  EXPECT_EQ(best().info.round, RoundId{1});
  measured(4, 0.6, states[3]);
  measured(6, std::nan(""), states[5]);
  EXPECT_EQ(best().info.round, RoundId{4});
  EXPECT_EQ(digest_of(best().state), digest_of(states[3]));
  EXPECT_EQ(coordinator_->improvement().best(), 0.6);

  coordinator_.reset();
  start_coordinator();
  EXPECT_EQ(coordinator_->improvement().best_round(), RoundId{4});
  EXPECT_EQ(coordinator_->improvement().best(), 0.6);
}

TEST_F(MeasuredRun, EndsWhenItNoLongerImprovesAndGoesOnWhenAsked) {
  federation_.stop = 2;
  coordinator_.reset();
  clients_.clear();
  start_coordinator();
  for (const ClientId& name : client_names(3)) {
    join(name);
  }
  measured(1, 0.5, round());
  measured(2, 0.7, round());
  measured(3, 0.6, round());
  EXPECT_FALSE(coordinator_->finished());
  EXPECT_EQ(journal_->meta(runs::kStateKey), runs::kStateRunning);
  measured(4, 0.7, round());  // as good is not better

  EXPECT_TRUE(coordinator_->finished());
  EXPECT_EQ(journal_->meta(runs::kStateKey), runs::kStateFinished);
  EXPECT_NE(notes_.find("run.stops_improving round=4 best=2 metric=map50"), std::string::npos)
      << notes_;
  coordinator_->advance(now_);
  EXPECT_EQ(coordinator_->state().version(), RoundId{4});

  coordinator_.reset();
  clients_.clear();
  start_coordinator();
  EXPECT_TRUE(coordinator_->finished());

  federation_.stop = 0;
  coordinator_.reset();
  start_coordinator();
  EXPECT_FALSE(coordinator_->finished());
  EXPECT_EQ(journal_->meta(runs::kStateKey), runs::kStateRunning);
  for (const ClientId& name : client_names(3)) {
    join(name);
  }
  round();
  EXPECT_EQ(coordinator_->state().version(), RoundId{5});
}

}  // namespace
}  // namespace lorae::simulation
