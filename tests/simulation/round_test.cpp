// What comes of a round, by the updates and the network.
#include <limits>

#include "tests/simulation/round_of_three.h"

namespace lorae::simulation {
namespace {

using namespace std::chrono_literals;

TEST_F(RoundOfThree, EndsWithTheWeightedMean) {
  pump();

  report(0, 1.0F, 1);
  report(1, 2.0F, 1);
  report(2, 5.0F, 2);

  ASSERT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 13.0F / 4.0F);
}

TEST_F(RoundOfThree, RejectsANaNAndIsNotAffectedByIt) {
  pump();

  report(0, 1.0F);
  report(1, std::numeric_limits<float>::quiet_NaN());
  report(2, 2.0F);

  ASSERT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 1.5F);
  const auto notes = clients_[1]->session.take_notes();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("not finite"), std::string::npos);
  EXPECT_EQ(journal_->rounds().at(0).num_updates, 2);
}

TEST_F(RoundOfThree, RejectsAnUpdateOfAnotherModel) {
  pump();

  report(0, 1.0F);
  report_payload(1, Bytes(6 * sizeof(float)));
  report(2, 2.0F);

  ASSERT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 1.5F);
  EXPECT_EQ(clients_[1]->session.take_notes().size(), 1U);
}

TEST_F(RoundOfThree, DoesNotWaitForAClientThatDeclines) {
  pump();
  report(0, 1.0F);
  report(2, 2.0F);
  ASSERT_FALSE(coordinator_->finished());

  const auto work = clients_[1]->session.take_work();
  clients_[1]->session.on_failed(work->key, "[codec] a value is not finite", now_);
  send(*clients_[1]);
  pump();

  EXPECT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 1.5F);
}

TEST_F(RoundOfThree, CountsEachUpdateOnceOverABadNetwork) {
  int seen = 0;
  network_.set_fault([&](const wire::Frame&) {
    constexpr std::array kFaults = {transport::Fault::kNone, transport::Fault::kDuplicate,
                                    transport::Fault::kDelay, transport::Fault::kDuplicate};
    return kFaults[static_cast<std::size_t>(seen++) % kFaults.size()];
  });
  pump();

  report(0, 1.0F);
  report(1, 2.0F);
  report(2, 6.0F);

  ASSERT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 3.0F);
  EXPECT_EQ(journal_->rounds().at(0).num_updates, 3);
  EXPECT_EQ(journal_->total_bytes(runs::Direction::kUplink, "raw"), 3 * 4 * 4);
}

TEST_F(RoundOfThree, RecoversFromAThirdOfAllFramesLost) {
  Random random = Seed{11}.random();
  network_.set_fault([&](const wire::Frame&) {
    return random.below(3) == 0 ? transport::Fault::kDrop : transport::Fault::kNone;
  });
  std::vector<bool> reported(3, false);
  for (int step = 0; step < 1000 && !coordinator_->finished(); ++step) {
    now_ += 1s;
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      clients_[i]->session.on_tick(now_);
      send(*clients_[i]);
      if (clients_[i]->session.state() == client::SessionState::kTraining && !reported[i]) {
        reported[i] = true;
        report(i, static_cast<float>(i));
      }
    }
    pump();
  }

  ASSERT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 1.0F);
}

}  // namespace
}  // namespace lorae::simulation
