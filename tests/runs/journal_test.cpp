#include "runs/journal.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/atomic_file.h"
#include "base/error.h"
#include "tests/runs/journal_support.h"

namespace lorae::runs {
namespace {

using JournalFile = JournalTest;
using JournalRounds = JournalTest;
using JournalUpdates = JournalTest;

TEST_F(JournalFile, RemembersMetaAndSharesAfterItIsClosed) {
  {
    Journal journal(path_);
    journal.set_meta("seed", "1");
    journal.set_meta("seed", "2");
    journal.set_share(kBob, 10);
    journal.set_share(kAda, 30);
    journal.set_share(kAda, 31);
  }

  const Journal journal(path_);

  EXPECT_EQ(journal.meta("seed"), "2");
  EXPECT_EQ(journal.meta("none"), std::nullopt);
  EXPECT_EQ(journal.shares(), (std::map<ClientId, std::int64_t>{{kAda, 31}, {kBob, 10}}));
}

TEST_F(JournalFile, RefusesAFileThatIsNoDatabase) {
  write_file_atomic(path_, std::string(5000, 'x'));

  EXPECT_ERROR(Journal(path_), ErrorCode::kCorruptData, "is not a journal");
}

TEST_F(JournalFile, RefusesAnotherFormatVersion) {
  { const Journal journal(path_); }
  SQLite::Database(path_.string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 2");

  EXPECT_ERROR(Journal(path_), ErrorCode::kIncompatible,
               "has format version 2, this build reads 1; use the version of LoRAE that wrote it");
}

TEST_F(JournalFile, RefusesTheDatabaseOfAnotherProgramAndLeavesItAlone) {
  {
    SQLite::Database other(path_.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    other.exec("CREATE TABLE bookmarks(url TEXT)");
  }
  const Bytes before = read_file(path_);

  EXPECT_ERROR(Journal(path_), ErrorCode::kIncompatible, "another program");
  EXPECT_EQ(read_file(path_), before);
}

TEST_F(JournalFile, IsDamagedAtEveryTruncationOrStillReadable) {
  {
    Journal journal(path_);
    journal.open_round(1, {kAda});
    journal.add_update(1, update_of(kAda, 20'000), uplink(8, 4));
  }
  const Bytes whole = read_file(path_);

  for (std::size_t size = 1; size < whole.size(); size += 1009) {
    write_file_atomic(path_, ByteView(whole).first(size));
    try {
      const Journal journal(path_, Journal::Mode::kRead);
      static_cast<void>(journal.rounds());
      static_cast<void>(journal.update(1, kAda));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData) << error.what();
    }
  }
}

TEST_F(JournalFile, CannotBeReadBeforeItIsWritten) {
  EXPECT_ERROR(Journal(path_, Journal::Mode::kRead), ErrorCode::kInvalidConfig, "is not there");
  EXPECT_FALSE(std::filesystem::exists(path_));

  write_file_atomic(path_, std::string_view());
  EXPECT_ERROR(Journal(path_, Journal::Mode::kRead), ErrorCode::kCorruptData, "is empty");
}

TEST_F(JournalFile, IsReadByOthersWhileItIsWritten) {
  Journal writer(path_);
  writer.set_meta("state", "running");
  Journal reader(path_, Journal::Mode::kRead);
  writer.set_meta("state", "finished");

  EXPECT_EQ(reader.meta("state"), "finished");
  EXPECT_ERROR(reader.set_meta("state", "x"), ErrorCode::kUnavailable, "can only be read");
}

TEST_F(JournalRounds, AreOpenUntilCommitted) {
  Journal journal(path_);
  EXPECT_EQ(journal.last_committed(), 0U);
  EXPECT_FALSE(journal.open_round().has_value());

  journal.open_round(1, {kBob, kAda});
  ASSERT_TRUE(journal.open_round().has_value());
  EXPECT_EQ(journal.open_round()->round, 1U);
  EXPECT_EQ(journal.open_round()->cohort, (std::vector{kBob, kAda}));
  EXPECT_EQ(journal.last_committed(), 0U);

  journal.commit_round(1, digest_of(view_of("model")), 2.5);
  EXPECT_FALSE(journal.open_round().has_value());
  EXPECT_EQ(journal.last_committed(), 1U);
}

TEST_F(JournalRounds, TakeAnotherCohortWhenExtended) {
  Journal journal(path_);
  journal.open_round(1, {kAda});
  journal.add_update(1, update_of(kAda), {});

  journal.open_round(1, {kAda, kEve});

  EXPECT_EQ(journal.open_round()->cohort, (std::vector{kAda, kEve}));
  EXPECT_EQ(journal.reported(1), std::vector{kAda});
}

TEST_F(JournalRounds, FollowOneAnother) {
  Journal journal(path_);
  journal.open_round(2, {kAda});

  EXPECT_ERROR(journal.open_round(3, {kAda}), ErrorCode::kInvalidArgument,
               "cannot open round 3 while round 2 is open");
  EXPECT_ERROR(journal.commit_round(3, {}, 0), ErrorCode::kInvalidArgument,
               "round 3 is not there: expected open");
  journal.commit_round(2, {}, 0);
  EXPECT_ERROR(journal.commit_round(2, {}, 0), ErrorCode::kInvalidArgument, "is committed");
  EXPECT_ERROR(journal.open_round(2, {kAda}), ErrorCode::kInvalidArgument,
               "expected a round after 2");
  EXPECT_ERROR(journal.open_round(3, {{"a,b"}}), ErrorCode::kInvalidArgument,
               "'a,b' is not a client name");
  EXPECT_ERROR(journal.open_round(std::numeric_limits<RoundId>::max(), {}),
               ErrorCode::kInvalidArgument, "out of range");
}

TEST_F(JournalRounds, AreRecordedWithWhatWasMeasured) {
  Journal journal(path_);
  const Digest model = digest_of(view_of("model"));
  journal.add_metric(0, "accuracy", 0.1);
  journal.open_round(1, {kAda, kBob});
  journal.add_update(1, update_of(kBob), {});
  journal.add_metric(1, "accuracy", 0.5);
  journal.add_metric(1, "accuracy", 0.75);
  journal.add_metric(1, "loss", std::nan(""));
  journal.commit_round(1, model, 2.5);
  journal.open_round(2, {});

  const std::vector<RoundRecord> rounds = journal.rounds();

  ASSERT_EQ(rounds.size(), 2U);
  EXPECT_EQ(rounds[0].round, 1U);
  EXPECT_TRUE(rounds[0].committed);
  EXPECT_EQ(rounds[0].cohort, (std::vector{kAda, kBob}));
  EXPECT_EQ(rounds[0].digest, model.hex());
  EXPECT_EQ(rounds[0].seconds, 2.5);
  EXPECT_EQ(rounds[0].num_updates, 1);
  EXPECT_EQ(rounds[0].metrics.at("accuracy"), 0.75);
  EXPECT_TRUE(std::isnan(rounds[0].metrics.at("loss")));
  EXPECT_FALSE(rounds[1].committed);
  EXPECT_EQ(rounds[1].digest, "");
  EXPECT_TRUE(rounds[1].cohort.empty());
  EXPECT_EQ(journal.metrics(0).at("accuracy"), 0.1);
}

TEST_F(JournalUpdates, ComeBackAsTheyWere) {
  Journal journal(path_);
  journal.open_round(1, {kAda, kBob, kEve});
  StoredUpdate diverged = update_of(kEve, 0);
  diverged.train_loss = std::nan("");
  journal.add_update(1, diverged, {});
  journal.add_update(1, update_of(kAda, 100'000), {});

  const StoredUpdate ada = journal.update(1, kAda);
  const StoredUpdate eve = journal.update(1, kEve);

  EXPECT_EQ(journal.reported(1), (std::vector{kAda, kEve}));
  EXPECT_EQ(ada.client, kAda);
  EXPECT_EQ(ada.num_examples, 40);
  EXPECT_EQ(ada.train_loss, 0.5);
  EXPECT_EQ(ada.payload, Bytes(100'000, std::byte{7}));
  EXPECT_EQ(ada.digest, digest_of(ada.payload));
  EXPECT_TRUE(std::isnan(eve.train_loss));
  EXPECT_TRUE(eve.payload.empty());
  EXPECT_ERROR(journal.update(1, kBob), ErrorCode::kInvalidArgument,
               "update of client bob in round 1 is not there");
}

TEST_F(JournalUpdates, CountOnceAndTheFirstOneWins) {
  Journal journal(path_);
  journal.open_round(1, {kAda});
  const auto entries = uplink(400, 100);

  EXPECT_EQ(journal.add_update(1, update_of(kAda, 5, std::byte{1}), entries), Stored::kNew);
  EXPECT_EQ(journal.add_update(1, update_of(kAda, 9, std::byte{2}), entries), Stored::kDuplicate);

  EXPECT_EQ(journal.update(1, kAda).payload, Bytes(5, std::byte{1}));
  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "raw"), 400);
}

TEST_F(JournalUpdates, AreRefusedOutsideAnOpenRound) {
  Journal journal(path_);
  EXPECT_ERROR(journal.add_update(1, update_of(kAda), {}), ErrorCode::kInvalidArgument,
               "round 1 is not there: expected open");
  journal.open_round(1, {kAda, kBob});
  journal.add_update(1, update_of(kAda), {});
  journal.commit_round(1, {}, 1);

  EXPECT_ERROR(journal.add_update(1, update_of(kBob), uplink(1, 1)), ErrorCode::kInvalidArgument,
               "round 1 is committed: expected open");
  EXPECT_EQ(journal.add_update(1, update_of(kAda), {}), Stored::kDuplicate);
  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "raw"), 0);
}

TEST_F(JournalUpdates, LoseTheirPayloadWithTheCommitSoThatTheFileDoesNotGrow) {
  Journal journal(path_);
  const auto size_after = [&](RoundId round) {
    journal.open_round(round, {kAda, kBob});
    journal.add_update(round, update_of(kAda, 1'000'000), {});
    journal.add_update(round, update_of(kBob, 1'000'000), {});
    journal.commit_round(round, {}, 1);
    return std::filesystem::file_size(path_);
  };

  const auto first = size_after(1);
  const auto second = size_after(2);
  for (RoundId round = 3; round < 8; ++round) {
    EXPECT_LT(size_after(round), std::max(first, second) + 1'000'000) << round;
  }

  EXPECT_ERROR(journal.update(1, kAda), ErrorCode::kInvalidArgument,
               "was dropped when the round was committed");
  EXPECT_EQ(journal.reported(1), (std::vector{kAda, kBob}));
}

}  // namespace
}  // namespace lorae::runs
