#include <gtest/gtest.h>

#include "base/error.h"
#include "runs/journal.h"
#include "tests/runs/journal_support.h"

namespace lorae::runs {
namespace {

using JournalLedger = JournalTest;
using JournalGroups = JournalTest;

TEST_F(JournalLedger, AddsWhatIsCountedTwice) {
  Journal journal(path_);
  journal.add_bytes(1, kAda, uplink(400, 100));
  journal.add_bytes(1, kAda, uplink(40, 10));

  const std::vector<LedgerRow> rows = journal.bytes_by(GroupBy::kRun);

  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].stage, "encoded");
  EXPECT_EQ(rows[0].bytes, 110);
  EXPECT_EQ(rows[1].stage, "raw");
  EXPECT_EQ(rows[1].bytes, 440);
}

TEST_F(JournalLedger, SumsOverClientsByRoundDirectionLayerAndStage) {
  Journal journal(path_);
  journal.open_round(1, {kAda, kBob});
  journal.add_update(1, update_of(kAda), uplink(400, 100));
  journal.add_update(1, update_of(kBob), uplink(400, 90));
  journal.add_bytes(2, kAda, uplink(400, 80));
  const BytesEntry backbone{Direction::kDownlink, "(backbone)", "framed", 9000};
  journal.add_bytes(0, kAda, {&backbone, 1});

  const std::vector<LedgerRow> run = journal.bytes_by(GroupBy::kRun);
  const std::vector<LedgerRow> rounds = journal.bytes_by(GroupBy::kRound);

  ASSERT_EQ(run.size(), 3U);
  EXPECT_EQ(run[0].direction, Direction::kUplink);
  EXPECT_EQ(run[0].layer, "conv1");
  EXPECT_EQ(run[0].bytes, 270);
  EXPECT_EQ(run[2].direction, Direction::kDownlink);
  EXPECT_EQ(run[2].bytes, 9000);
  ASSERT_EQ(rounds.size(), 5U);
  EXPECT_EQ(rounds[0].round, 0U);
  EXPECT_EQ(rounds[1].round, 1U);
  EXPECT_EQ(rounds[1].bytes, 190);
  EXPECT_EQ(rounds[3].round, 2U);
  EXPECT_EQ(rounds[3].bytes, 80);
}

TEST_F(JournalLedger, TotalsADirectionAStageAndALayer) {
  Journal journal(path_);
  journal.add_bytes(1, kAda, uplink(400, 100));
  const BytesEntry control{Direction::kUplink, "(control)", "framed", 60};
  journal.add_bytes(1, kAda, {&control, 1});

  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "encoded"), 100);
  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "framed", "(control)"), 60);
  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "framed", "(update)"), 0);
  EXPECT_EQ(journal.total_bytes(Direction::kDownlink, "encoded"), 0);
}

TEST_F(JournalLedger, RefusesUnknownStagesAndNegativeBytes) {
  Journal journal(path_);
  const BytesEntry zipped{Direction::kUplink, "conv1", "zipped", 1};
  const BytesEntry negative{Direction::kUplink, "conv1", "raw", -1};

  EXPECT_ERROR(
      journal.add_bytes(1, kAda, {&zipped, 1}), ErrorCode::kInvalidArgument,
      "[journal] bytes of layer 'conv1': expected stage raw, encoded or framed, got 'zipped'");
  EXPECT_ERROR(journal.add_bytes(1, kAda, {&negative, 1}), ErrorCode::kInvalidArgument, "got -1");
}

TEST_F(JournalGroups, KeepAllOrNothing) {
  Journal journal(path_);
  journal.open_round(1, {kAda, kBob});
  {
    Transaction group = journal.begin();
    journal.add_update(1, update_of(kAda), uplink(1, 1));
    journal.set_meta("lost", "yes");
  }
  {
    Transaction group = journal.begin();
    EXPECT_EQ(journal.add_update(1, update_of(kAda), uplink(2, 2)), Stored::kNew);
    EXPECT_EQ(journal.add_update(1, update_of(kBob), uplink(3, 3)), Stored::kNew);
    group.commit();
  }

  EXPECT_EQ(journal.meta("lost"), std::nullopt);
  EXPECT_EQ(journal.reported(1), (std::vector{kAda, kBob}));
  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "raw"), 5);
}

TEST_F(JournalGroups, AreSeenByOthersOnlyOnceCommitted) {
  Journal journal(path_);
  const Journal reader(path_, Journal::Mode::kRead);
  Transaction group = journal.begin();
  journal.set_meta("key", "value");

  EXPECT_EQ(journal.meta("key"), "value");
  EXPECT_EQ(reader.meta("key"), std::nullopt);
  group.commit();
  EXPECT_EQ(reader.meta("key"), "value");
}

TEST_F(JournalGroups, GoOnAfterAnArgumentThatWasRefused) {
  Journal journal(path_);
  Transaction group = journal.begin();
  journal.set_meta("key", "value");

  EXPECT_ERROR(journal.commit_round(9, {}, 0), ErrorCode::kInvalidArgument, "expected open");
  group.commit();

  EXPECT_EQ(journal.meta("key"), "value");
}

TEST_F(JournalGroups, DoNotNestAndAreCommittedOnce) {
  Journal journal(path_);
  Transaction group = journal.begin();

  EXPECT_ERROR(journal.begin(), ErrorCode::kInvalidArgument, "they do not nest");
  group.commit();
  EXPECT_ERROR(group.commit(), ErrorCode::kInvalidArgument, "committed twice");
  EXPECT_NO_THROW(journal.begin().commit());
}

}  // namespace
}  // namespace lorae::runs
