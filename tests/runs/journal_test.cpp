#include "runs/journal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "tests/runs/journal_support.h"

namespace lorae::runs {
namespace {

using JournalRounds = JournalTest;
using JournalUpdates = JournalTest;

TEST_F(JournalRounds, AreOpenUntilCommitted) {
  Journal journal = make();
  EXPECT_EQ(journal.last_committed(), RoundId{0});
  EXPECT_FALSE(journal.open_round().has_value());

  journal.open_round(RoundId{1}, {kBob, kAda});
  ASSERT_TRUE(journal.open_round().has_value());
  EXPECT_EQ(journal.open_round()->round, RoundId{1});
  EXPECT_EQ(journal.open_round()->cohort, (std::vector{kBob, kAda}));
  EXPECT_EQ(journal.last_committed(), RoundId{0});

  journal.commit_round(RoundId{1}, digest_of(view_of("model")), 2.5);
  EXPECT_FALSE(journal.open_round().has_value());
  EXPECT_EQ(journal.last_committed(), RoundId{1});
}

TEST_F(JournalRounds, TellInWhichEachClientCountedLast) {
  Journal journal = make();
  EXPECT_TRUE(journal.counted().empty());
  journal.open_round(RoundId{1}, {kAda, kBob});
  journal.add_update(RoundId{1}, update_of(kAda), {});
  journal.add_update(RoundId{1}, update_of(kBob), {});
  EXPECT_TRUE(journal.counted().empty()) << "not before the round is committed";
  journal.commit_round(RoundId{1}, {}, 1.0);
  journal.open_round(RoundId{2}, {kAda, kBob});
  journal.add_update(RoundId{2}, update_of(kBob), {});
  journal.commit_round(RoundId{2}, {}, 1.0);
  journal.open_round(RoundId{3}, {kAda});
  journal.add_update(RoundId{3}, update_of(kAda), {});

  EXPECT_EQ(journal.counted(),
            (std::map<ClientId, RoundId>{{kAda, RoundId{1}}, {kBob, RoundId{2}}}));
}

TEST_F(JournalRounds, TakeAnotherCohortWhenExtended) {
  Journal journal = make();
  journal.open_round(RoundId{1}, {kAda});
  journal.add_update(RoundId{1}, update_of(kAda), {});

  journal.open_round(RoundId{1}, {kAda, kEve});

  EXPECT_EQ(journal.open_round()->cohort, (std::vector{kAda, kEve}));
  EXPECT_EQ(journal.reported(RoundId{1}), std::vector{kAda});
}

TEST_F(JournalRounds, FollowOneAnother) {
  Journal journal = make();
  journal.open_round(RoundId{2}, {kAda});

  EXPECT_ERROR(journal.open_round(RoundId{3}, {kAda}), ErrorCode::kInvalidArgument,
               "cannot open round 3 while round 2 is open");
  EXPECT_ERROR(journal.commit_round(RoundId{3}, {}, 0), ErrorCode::kInvalidArgument,
               "round 3 is not there: expected open");
  journal.commit_round(RoundId{2}, {}, 0);
  EXPECT_ERROR(journal.commit_round(RoundId{2}, {}, 0), ErrorCode::kInvalidArgument,
               "is committed");
  EXPECT_ERROR(journal.open_round(RoundId{2}, {kAda}), ErrorCode::kInvalidArgument,
               "expected a round after 2");
  EXPECT_ERROR(journal.open_round(RoundId{3}, {{"a,b"}}), ErrorCode::kInvalidArgument,
               "'a,b' is not a client name");
  EXPECT_ERROR(journal.open_round(RoundId{std::numeric_limits<std::uint64_t>::max()}, {}),
               ErrorCode::kInvalidArgument, "out of range");
}

TEST_F(JournalRounds, AreRecordedWithWhatWasMeasured) {
  Journal journal = make();
  const Digest model = digest_of(view_of("model"));
  journal.add_metrics(RoundId{0}, {{"top1", 0.1}});
  journal.open_round(RoundId{1}, {kAda, kBob});
  journal.add_update(RoundId{1}, update_of(kBob), {});
  journal.commit_round(RoundId{1}, model, 2.5);
  journal.add_metrics(RoundId{1}, {{"top1", 0.5}, {"loss", std::nan("")}});
  journal.open_round(RoundId{2}, {});

  const std::vector<RoundRecord> rounds = journal.rounds();

  ASSERT_EQ(rounds.size(), 2U);
  EXPECT_EQ(rounds[0].round, RoundId{1});
  EXPECT_TRUE(rounds[0].committed);
  EXPECT_EQ(rounds[0].cohort, (std::vector{kAda, kBob}));
  EXPECT_EQ(rounds[0].digest, model.hex());
  EXPECT_EQ(rounds[0].seconds, 2.5);
  EXPECT_EQ(rounds[0].num_updates, 1);
  EXPECT_EQ(rounds[0].metrics.main_name(), "top1");
  EXPECT_EQ(rounds[0].metrics.find("top1"), 0.5);
  EXPECT_TRUE(std::isnan(rounds[0].metrics.find("loss").value()));
  EXPECT_FALSE(rounds[1].committed);
  EXPECT_EQ(rounds[1].digest, "");
  EXPECT_TRUE(rounds[1].cohort.empty());
  EXPECT_TRUE(rounds[1].metrics.empty());
  EXPECT_EQ(journal.metrics(RoundId{0}), (Metrics{{"top1", 0.1}}));
}

TEST_F(JournalRounds, KeepTheOrderOfTheirMetrics) {
  Journal journal = make();
  journal.add_metrics(RoundId{1}, {{"map50_95", 0.5}, {"map50", 0.8}});
  journal.add_metrics(RoundId{1}, {{"loss/box", 2}, {"map50", 0.75}, {"a", 1}});

  EXPECT_EQ(journal.metrics(RoundId{1}),
            (Metrics{{"map50_95", 0.5}, {"map50", 0.75}, {"loss/box", 2}, {"a", 1}}));
}

TEST_F(JournalRounds, AverageTheMetricsOfTheirUpdates) {
  Journal journal = make();
  journal.open_round(RoundId{1}, {kAda, kBob, kEve});
  EXPECT_TRUE(journal.mean_metrics(RoundId{1}).empty());
  const auto add = [&](const ClientId& client, const Metrics& metrics) {
    StoredUpdate update = update_of(client);
    update.metrics = metrics;
    journal.add_update(RoundId{1}, update, {});
  };
  add(kEve, {{"new", 8}, {"loss", 3}});
  add(kBob, {{"loss", 2}, {"top1", 0.25}, {"odd", std::nan("")}});
  add(kAda, {{"loss", 1}, {"odd", 1}, {"top1", 0.75}});

  const Metrics means = journal.mean_metrics(RoundId{1});

  std::vector<std::string> names;
  for (const auto& [name, value] : means) {
    names.push_back(name);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"loss", "odd", "top1", "new"}));
  EXPECT_EQ(means.find("loss"), 2.0);
  EXPECT_TRUE(std::isnan(means.find("odd").value()));
  EXPECT_EQ(means.find("top1"), 0.5);
  EXPECT_EQ(means.find("new"), 8.0);
}

TEST_F(JournalRounds, SayWhatEachClientMeasuredLast) {
  Journal journal = make();
  const auto add = [&](RoundId round, const ClientId& client, double loss) {
    StoredUpdate update = update_of(client);
    update.metrics = {{"loss", loss}, {"top1", 0.5}};
    journal.add_update(round, update, {});
  };
  journal.open_round(RoundId{1}, {kAda, kBob});
  add(RoundId{1}, kAda, 3);
  add(RoundId{1}, kBob, 4);
  EXPECT_TRUE(journal.last_client_metrics().empty()) << "nothing is committed";
  journal.commit_round(RoundId{1}, {}, 1);
  journal.open_round(RoundId{2}, {kAda});
  add(RoundId{2}, kAda, std::nan(""));
  journal.commit_round(RoundId{2}, {}, 1);
  journal.open_round(RoundId{3}, {kBob});
  add(RoundId{3}, kBob, 1);

  const auto metrics = journal.last_client_metrics();

  ASSERT_EQ(metrics.size(), 2U);
  EXPECT_TRUE(std::isnan(*metrics.at(kAda).find("loss"))) << "of round 2";
  EXPECT_EQ(metrics.at(kAda).main_name(), "loss");
  EXPECT_EQ(metrics.at(kBob).find("loss"), 4) << "round 3 is open";
}

TEST_F(JournalRounds, KeepPayloadsWhenAskedTo) {
  Journal journal = make();
  journal.open_round(RoundId{1}, {kAda});
  journal.add_update(RoundId{1}, update_of(kAda), {});
  journal.commit_round(RoundId{1}, {}, 1, /*keep_payloads=*/true);

  EXPECT_EQ(journal.update(RoundId{1}, kAda).payload, update_of(kAda).payload);
}

TEST_F(JournalRounds, RememberWhoHoldsWhat) {
  Journal journal = make();
  EXPECT_TRUE(journal.class_names().empty());
  EXPECT_TRUE(journal.class_counts().empty());

  journal.set_class_names({"a", "b", "c"});
  journal.set_class_names({"shirt", "ankle boot"});
  journal.set_class_counts(kBob, {3, 0, 1});
  journal.set_class_counts(kBob, {30, 0});
  journal.set_class_counts(kAda, {0, 7});

  EXPECT_EQ(journal.class_names(), (std::vector<std::string>{"shirt", "ankle boot"}));
  EXPECT_EQ(journal.class_counts(),
            (std::map<ClientId, std::vector<std::int64_t>>{{kAda, {0, 7}}, {kBob, {30, 0}}}));
  EXPECT_ERROR(journal.set_class_counts(kAda, {1, -1}), ErrorCode::kInvalidArgument, "got -1");
}

TEST_F(JournalUpdates, ComeBackAsTheyWere) {
  Journal journal = make();
  journal.open_round(RoundId{1}, {kAda, kBob, kEve});
  StoredUpdate diverged = update_of(kEve, 0);
  diverged.metrics = {{"loss", std::nan("")}};
  journal.add_update(RoundId{1}, diverged, {});
  StoredUpdate stale = update_of(kAda, 100'000);
  stale.metrics = {{"loss", 0.5}, {"a", 0.25}};
  stale.base_round = RoundId{7};
  journal.add_update(RoundId{1}, stale, {});

  const StoredUpdate ada = journal.update(RoundId{1}, kAda);
  const StoredUpdate eve = journal.update(RoundId{1}, kEve);

  EXPECT_EQ(journal.reported(RoundId{1}), (std::vector{kAda, kEve}));
  EXPECT_EQ(ada.client, kAda);
  EXPECT_EQ(ada.num_examples, 40);
  EXPECT_EQ(ada.metrics, (Metrics{{"loss", 0.5}, {"a", 0.25}}));
  EXPECT_EQ(ada.base_round, RoundId{7});
  EXPECT_EQ(ada.payload, Bytes(100'000, std::byte{7}));
  EXPECT_EQ(ada.digest, digest_of(ada.payload));
  EXPECT_TRUE(std::isnan(eve.metrics.find("loss").value()));
  EXPECT_TRUE(eve.payload.empty());
  EXPECT_ERROR(journal.update(RoundId{1}, kBob), ErrorCode::kInvalidArgument,
               "update of client bob in round 1 is not there");
}

TEST_F(JournalUpdates, CountOnceAndTheFirstOneWins) {
  Journal journal = make();
  journal.open_round(RoundId{1}, {kAda});
  const auto entries = uplink(400, 100);

  EXPECT_EQ(journal.add_update(RoundId{1}, update_of(kAda, 5, std::byte{1}), entries),
            Stored::kNew);
  EXPECT_EQ(journal.add_update(RoundId{1}, update_of(kAda, 9, std::byte{2}), entries),
            Stored::kDuplicate);

  EXPECT_EQ(journal.update(RoundId{1}, kAda).payload, Bytes(5, std::byte{1}));
  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "raw"), 400);
}

TEST_F(JournalUpdates, AreRefusedOutsideAnOpenRound) {
  Journal journal = make();
  EXPECT_ERROR(journal.add_update(RoundId{1}, update_of(kAda), {}), ErrorCode::kInvalidArgument,
               "round 1 is not there: expected open");
  journal.open_round(RoundId{1}, {kAda, kBob});
  journal.add_update(RoundId{1}, update_of(kAda), {});
  journal.commit_round(RoundId{1}, {}, 1);

  EXPECT_ERROR(journal.add_update(RoundId{1}, update_of(kBob), uplink(1, 1)),
               ErrorCode::kInvalidArgument, "round 1 is committed: expected open");
  EXPECT_EQ(journal.add_update(RoundId{1}, update_of(kAda), {}), Stored::kDuplicate);
  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "raw"), 0);
}

TEST_F(JournalUpdates, LoseTheirPayloadWithTheCommitSoThatTheFileDoesNotGrow) {
  Journal journal = make();
  const auto size_after = [&](RoundId round) {
    journal.open_round(round, {kAda, kBob});
    journal.add_update(round, update_of(kAda, 1'000'000), {});
    journal.add_update(round, update_of(kBob, 1'000'000), {});
    journal.commit_round(round, {}, 1);
    return std::filesystem::file_size(path_);
  };

  for (RoundId round{1}; round <= RoundId{20};
       round = round.next()) {  // the log goes into the file on the way
    EXPECT_LT(size_after(round), 3'000'000U) << round;
  }

  EXPECT_ERROR(journal.update(RoundId{1}, kAda), ErrorCode::kInvalidArgument,
               "was dropped when the round was committed");
  EXPECT_EQ(journal.reported(RoundId{1}), (std::vector{kAda, kBob}));
}

}  // namespace
}  // namespace lorae::runs
