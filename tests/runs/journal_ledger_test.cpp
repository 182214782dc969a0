#include <gtest/gtest.h>

#include "base/error.h"
#include "runs/journal.h"
#include "tests/runs/connection.h"
#include "tests/runs/journal_support.h"

namespace lorae::runs {
namespace {

using JournalLedger = JournalTest;
using JournalGroups = JournalTest;

TEST_F(JournalLedger, AddsWhatIsCountedTwice) {
  Journal journal = make();
  journal.add_bytes(RoundId{1}, kAda, uplink(400, 100));
  journal.add_bytes(RoundId{1}, kAda, uplink(40, 10));

  const std::vector<LedgerRow> rows = journal.bytes_by(GroupBy::kRun);

  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].stage, "encoded");
  EXPECT_EQ(rows[0].bytes, 110);
  EXPECT_EQ(rows[1].stage, "raw");
  EXPECT_EQ(rows[1].bytes, 440);
}

TEST_F(JournalLedger, SumsOverClientsByRoundDirectionLayerAndStage) {
  Journal journal = make();
  journal.open_round(RoundId{1}, {kAda, kBob});
  journal.add_update(RoundId{1}, update_of(kAda), uplink(400, 100));
  journal.add_update(RoundId{1}, update_of(kBob), uplink(400, 90));
  journal.add_bytes(RoundId{2}, kAda, uplink(400, 80));
  const BytesEntry backbone{Direction::kDownlink, "(backbone)", "framed", 9000};
  journal.add_bytes(RoundId{0}, kAda, {&backbone, 1});

  const std::vector<LedgerRow> run = journal.bytes_by(GroupBy::kRun);
  const std::vector<LedgerRow> rounds = journal.bytes_by(GroupBy::kRound);

  ASSERT_EQ(run.size(), 3U);
  EXPECT_EQ(run[0].direction, Direction::kUplink);
  EXPECT_EQ(run[0].layer, "conv1");
  EXPECT_EQ(run[0].bytes, 270);
  EXPECT_EQ(run[2].direction, Direction::kDownlink);
  EXPECT_EQ(run[2].bytes, 9000);
  ASSERT_EQ(rounds.size(), 5U);
  EXPECT_EQ(rounds[0].round, RoundId{0});
  EXPECT_EQ(rounds[1].round, RoundId{1});
  EXPECT_EQ(rounds[1].bytes, 190);
  EXPECT_EQ(rounds[3].round, RoundId{2});
  EXPECT_EQ(rounds[3].bytes, 80);
}

TEST_F(JournalLedger, TotalsADirectionAStageAndALayer) {
  Journal journal = make();
  journal.add_bytes(RoundId{1}, kAda, uplink(400, 100));
  const BytesEntry control{Direction::kUplink, "(control)", "framed", 60};
  journal.add_bytes(RoundId{1}, kAda, {&control, 1});

  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "encoded"), 100);
  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "framed", "(control)"), 60);
  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "framed", "(update)"), 0);
  EXPECT_EQ(journal.total_bytes(Direction::kDownlink, "encoded"), 0);
}

TEST_F(JournalLedger, SumsOneStageByClient) {
  Journal journal = make();
  const BytesEntry update{Direction::kUplink, "(update)", "framed", 70};
  const BytesEntry model{Direction::kDownlink, "(model)", "framed", 90};
  for (RoundId round{1}; round <= RoundId{3}; round = round.next()) {
    journal.add_bytes(round, kBob, {&model, 1});
    journal.add_bytes(round, kAda, {&update, 1});
    journal.add_bytes(round, kAda, {&model, 1});
    journal.add_bytes(round, kAda, uplink(400, 100));
  }

  const std::vector<ClientBytes> rows = journal.bytes_of_clients("framed");

  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].client, kAda);
  EXPECT_EQ(rows[0].layer, "(update)");
  EXPECT_EQ(rows[0].bytes, 210);
  EXPECT_EQ(rows[1].direction, Direction::kDownlink);
  EXPECT_EQ(rows[2].client, kBob);
  EXPECT_EQ(rows[2].bytes, 270);
}

TEST_F(JournalLedger, ReadsOneStageOfOneRound) {
  Journal journal = make();
  const BytesEntry update{Direction::kUplink, "(update)", "framed", 70};
  const BytesEntry model{Direction::kDownlink, "(model)", "framed", 90};
  for (RoundId round{1}; round <= RoundId{3}; round = round.next()) {
    for (const ClientId& client : {kAda, kBob}) {
      journal.add_bytes(round, client, {&model, 1});
      journal.add_bytes(round, client, {&update, 1});
      journal.add_bytes(round, client, uplink(400, 100));
    }
  }
  journal.add_bytes(RoundId{2}, kBob, {&update, 1});

  const std::vector<LedgerRow> rows = journal.bytes_of_round(RoundId{2}, "framed");

  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].round, RoundId{2});
  EXPECT_EQ(rows[0].direction, Direction::kUplink);
  EXPECT_EQ(rows[0].layer, "(update)");
  EXPECT_EQ(rows[0].stage, "framed");
  EXPECT_EQ(rows[0].bytes, 210);
  EXPECT_EQ(rows[0].least, 70);
  EXPECT_EQ(rows[1].direction, Direction::kDownlink);
  EXPECT_EQ(rows[1].bytes, 180);
  EXPECT_TRUE(journal.bytes_of_round(RoundId{4}, "framed").empty());
}

TEST_F(JournalLedger, FindsTheEntriesOfARoundByTheirKey) {
  const Connection connection;
  Journal journal = make();
  static_cast<void>(journal.bytes_of_round(RoundId{1}, "framed"));
  std::string plan;
  for (sqlite3_stmt* statement = sqlite3_next_stmt(connection.get(), nullptr); statement != nullptr;
       statement = sqlite3_next_stmt(connection.get(), statement)) {
    const std::string sql = sqlite3_sql(statement);
    if (sql.find("FROM bytes WHERE round = ?") != std::string::npos) {
      plan = connection.plan_of(sql);
    }
  }

  EXPECT_NE(plan.find("SEARCH bytes USING PRIMARY KEY (round=?)"), std::string::npos) << plan;
  EXPECT_EQ(plan.find("SCAN"), std::string::npos) << plan;
}

TEST_F(JournalLedger, TakesAnyStageThatIsAWord) {
  Journal journal = make();
  const BytesEntry longest{Direction::kUplink, "conv1", std::string(64, 'a'), 1};
  const BytesEntry sketch{Direction::kUplink, "conv1", "sketch:2.x_y-z", 2};
  journal.add_bytes(RoundId{1}, kAda, {&longest, 1});
  journal.add_bytes(RoundId{1}, kAda, {&sketch, 1});
  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "sketch:2.x_y-z"), 2);

  for (const std::string& stage :
       {std::string(), std::string("Raw"), std::string("a b"), std::string(65, 'a')}) {
    const BytesEntry entry{Direction::kUplink, "conv1", stage, 1};
    EXPECT_ERROR(journal.add_bytes(RoundId{1}, kAda, {&entry, 1}), ErrorCode::kInvalidArgument,
                 "[journal] bytes of layer 'conv1': expected a stage of 1 to 64 of [a-z0-9_:.-], "
                 "got '" +
                     stage + "'");
  }
  const BytesEntry negative{Direction::kUplink, "conv1", "raw", -1};
  EXPECT_ERROR(journal.add_bytes(RoundId{1}, kAda, {&negative, 1}), ErrorCode::kInvalidArgument,
               "got -1");
}

TEST_F(JournalGroups, KeepAllOrNothing) {
  Journal journal = make();
  journal.open_round(RoundId{1}, {kAda, kBob});
  {
    Transaction group = journal.begin();
    journal.add_update(RoundId{1}, update_of(kAda), uplink(1, 1));
    journal.set_meta("lost", "yes");
  }
  {
    Transaction group = journal.begin();
    EXPECT_EQ(journal.add_update(RoundId{1}, update_of(kAda), uplink(2, 2)), Stored::kNew);
    EXPECT_EQ(journal.add_update(RoundId{1}, update_of(kBob), uplink(3, 3)), Stored::kNew);
    group.commit();
  }

  EXPECT_EQ(journal.meta("lost"), std::nullopt);
  EXPECT_EQ(journal.reported(RoundId{1}), (std::vector{kAda, kBob}));
  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "raw"), 5);
}

TEST_F(JournalGroups, AreSeenByOthersOnlyOnceCommitted) {
  Journal journal = make();
  const Journal reader(path_, Journal::Mode::kRead);
  Transaction group = journal.begin();
  journal.set_meta("key", "value");

  EXPECT_EQ(journal.meta("key"), "value");
  EXPECT_EQ(reader.meta("key"), std::nullopt);
  group.commit();
  EXPECT_EQ(reader.meta("key"), "value");
}

TEST_F(JournalGroups, GoOnAfterAnArgumentThatWasRefused) {
  Journal journal = make();
  Transaction group = journal.begin();
  journal.set_meta("key", "value");

  EXPECT_ERROR(journal.commit_round(RoundId{9}, {}, 0), ErrorCode::kInvalidArgument,
               "expected open");
  group.commit();

  EXPECT_EQ(journal.meta("key"), "value");
}

TEST_F(JournalGroups, DoNotNestAndAreCommittedOnce) {
  Journal journal = make();
  Transaction group = journal.begin();

  EXPECT_ERROR(journal.begin(), ErrorCode::kInvalidArgument, "they do not nest");
  group.commit();
  EXPECT_ERROR(group.commit(), ErrorCode::kInvalidArgument, "committed twice");
  EXPECT_NO_THROW(journal.begin().commit());
}

}  // namespace
}  // namespace lorae::runs
