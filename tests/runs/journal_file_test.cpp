// How the file of a journal begins, and what another version of LoRAE finds in it.

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "tests/runs/journal_support.h"

namespace lorae::runs {
namespace {

using JournalFile = JournalTest;
using JournalFormat = JournalTest;

constexpr auto kNew = Journal::Mode::kNew;
constexpr auto kContinue = Journal::Mode::kContinue;
constexpr auto kRead = Journal::Mode::kRead;

TEST_F(JournalFile, RemembersMetaAndSharesAfterItIsClosed) {
  {
    Journal journal = make();
    journal.set_meta("seed", "1");
    journal.set_meta("seed", "2");
    journal.set_share(kBob, 10);
    journal.set_share(kAda, 30);
    journal.set_share(kAda, 31);
  }

  const Journal journal(path_, kContinue);

  EXPECT_EQ(journal.meta("seed"), "2");
  EXPECT_EQ(journal.meta("none"), std::nullopt);
  EXPECT_EQ(journal.shares(), (std::map<ClientId, std::int64_t>{{kAda, 31}, {kBob, 10}}));
}

TEST_F(JournalFile, BeginsAsARunningOneThatKnowsItsAge) {
  Journal journal = make();

  EXPECT_EQ(journal.meta(kStateKey), "running");
  EXPECT_GT(std::stoll(journal.meta(kCreatedKey).value()), 1'700'000'000'000'000);
  journal.set_meta(kStateKey, kStateFinished);
  journal.set_meta(kStateKey, kStateRunning);
  EXPECT_EQ(journal.meta(kStateKey), "running");
}

TEST_F(JournalFile, IsMadeOnce) {
  { const Journal journal = make(); }
  const Bytes before = read_file(path_);

  EXPECT_ERROR(Journal(path_, kNew), ErrorCode::kInvalidConfig, "is there already");
  EXPECT_EQ(read_file(path_), before);

  std::filesystem::rename(path_, path_.string() + "-wal");  // what is left of another
  EXPECT_ERROR(Journal(path_, kNew), ErrorCode::kInvalidConfig, "journal.db-wal' is there already");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(JournalFile, IsNotMadeWhereTheDiskRefuses) {
  EXPECT_ERROR(Journal(folder_ / "none" / "journal.db", kNew), ErrorCode::kUnavailable,
               "cannot write");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "none"));
}

TEST_F(JournalFile, CannotBeReadBeforeItIsWritten) {
  EXPECT_ERROR(Journal(path_, kRead), ErrorCode::kInvalidConfig, "is not there");
  EXPECT_ERROR(Journal(path_, kContinue), ErrorCode::kCorruptData,
               "is damaged: it is missing; restore it from a copy, or start a new run with "
               "--fresh");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(JournalFile, IsReadByOthersWhileItIsWritten) {
  Journal writer = make();
  writer.set_meta("state", "running");
  Journal reader(path_, kRead);
  writer.set_meta("state", "finished");

  EXPECT_EQ(reader.meta("state"), "finished");
  EXPECT_NO_THROW(reader.verify());
  EXPECT_ERROR(reader.set_meta("state", "x"), ErrorCode::kUnavailable, "can only be read");
}

TEST_F(JournalFile, IsVerifiedOutsideTransactions) {
  Journal journal = make();
  const Transaction group = journal.begin();

  EXPECT_ERROR(journal.verify(), ErrorCode::kInvalidArgument, "while a transaction is open");
}

TEST_F(JournalFile, RefusesTheDatabaseOfAnotherProgramAndLeavesItAlone) {
  {
    SQLite::Database other(path_.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    other.exec("CREATE TABLE bookmarks(url TEXT)");
  }
  const Bytes before = read_file(path_);

  for (const auto mode : {kContinue, kRead}) {
    EXPECT_ERROR(Journal(path_, mode), ErrorCode::kIncompatible, "another program");
  }
  EXPECT_EQ(read_file(path_), before);
}

/// The tables of journal format 1.
constexpr const char* kFormat1 = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE clients(name TEXT PRIMARY KEY, share INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE rounds(round INTEGER PRIMARY KEY, state TEXT NOT NULL, cohort TEXT NOT NULL,
  seconds REAL, digest BLOB);
CREATE UNIQUE INDEX one_open_round ON rounds(state) WHERE state = 'open';
CREATE TABLE updates(round INTEGER NOT NULL REFERENCES rounds(round), client TEXT NOT NULL,
  num_examples INTEGER NOT NULL, train_loss REAL, digest BLOB NOT NULL,
  encoded_bytes INTEGER NOT NULL, payload BLOB, PRIMARY KEY(round, client));
CREATE TABLE metrics(round INTEGER NOT NULL, name TEXT NOT NULL, value REAL,
  PRIMARY KEY(round, name)) WITHOUT ROWID;
CREATE TABLE bytes(round INTEGER NOT NULL, client TEXT NOT NULL, direction TEXT NOT NULL,
  layer TEXT NOT NULL, stage TEXT NOT NULL, bytes INTEGER NOT NULL,
  PRIMARY KEY(round, client, direction, layer, stage)) WITHOUT ROWID;
INSERT INTO rounds VALUES (1, 'open', 'ada,bob', NULL, NULL);
PRAGMA application_id = 1282363969;
PRAGMA user_version = 1;
)sql";

TEST_F(JournalFormat, OneIsRefusedWithAWayOut) {
  {
    SQLite::Database old(path_.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    old.exec("PRAGMA journal_mode = WAL");
    old.exec(kFormat1);
  }
  const Bytes before = read_file(path_);

  for (const auto mode : {kContinue, kRead}) {
    EXPECT_ERROR(Journal(path_, mode), ErrorCode::kIncompatible,
                 "[journal] '" + path_.string() +
                     "' was written by an earlier LoRAE (journal format 1, this build reads 2): "
                     "finish or report it with that version, or start a new run with --fresh");
  }
  EXPECT_EQ(read_file(path_), before);
}

TEST_F(JournalFormat, OfALaterVersionIsRefused) {
  { const Journal journal = make(); }
  SQLite::Database(path_.string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 3");

  EXPECT_ERROR(Journal(path_, kContinue), ErrorCode::kIncompatible,
               "was written by a later LoRAE (journal format 3, this build reads 2)");
}

TEST_F(JournalFormat, LeavesRoomForWhatALaterVersionAdds) {
  { const Journal journal = make(); }
  {
    SQLite::Database later(path_.string(), SQLite::OPEN_READWRITE);
    later.exec(
        "CREATE TABLE clusters(client TEXT PRIMARY KEY, cluster INTEGER);"
        "CREATE INDEX updates_by_digest ON updates(digest);"
        "INSERT INTO clusters VALUES ('ada', 1);"
        "INSERT INTO meta VALUES ('colour', 'blue')");
    for (const std::string table : {"meta", "clients", "classes", "class_counts", "rounds",
                                    "updates", "update_metrics", "metrics", "bytes"}) {
      later.exec("ALTER TABLE " + table + " ADD COLUMN later TEXT NOT NULL DEFAULT 'kept'");
    }
    later.exec("INSERT INTO clients(name, share, later) VALUES ('ada', 4, 'mine')");
  }

  Journal journal(path_, kContinue);
  journal.set_share(kAda, 5);
  journal.set_class_names({"shirt"});
  journal.set_class_counts(kAda, {4});
  journal.set_meta(kStateKey, kStateFinished);
  journal.open_round(RoundId{1}, {kAda});
  journal.open_round(RoundId{1}, {kAda, kBob});
  EXPECT_EQ(journal.add_update(RoundId{1}, update_of(kAda), uplink(4, 2)), Stored::kNew);
  journal.add_bytes(RoundId{1}, kAda, uplink(4, 2));
  journal.commit_round(RoundId{1}, {}, 1);
  journal.add_metrics(RoundId{1}, journal.mean_metrics(RoundId{1}));

  EXPECT_EQ(journal.shares(), (std::map<ClientId, std::int64_t>{{kAda, 5}}));
  EXPECT_EQ(journal.class_counts().at(kAda), std::vector<std::int64_t>{4});
  EXPECT_EQ(journal.rounds().at(0).metrics, (Metrics{{"loss", 0.5}}));
  EXPECT_EQ(journal.bytes_of_round(RoundId{1}, "raw").at(0).bytes, 8);
  EXPECT_NO_THROW(journal.verify());
  const SQLite::Database later(path_.string(), SQLite::OPEN_READONLY);
  SQLite::Statement kept(later,
                         "SELECT clients.later, cluster, (SELECT value FROM meta WHERE key = "
                         "'colour') FROM clients JOIN clusters ON client = name");
  ASSERT_TRUE(kept.executeStep());
  EXPECT_EQ(kept.getColumn(0).getString(), "mine");
  EXPECT_EQ(kept.getColumn(1).getInt(), 1);
  EXPECT_EQ(kept.getColumn(2).getString(), "blue");
}

}  // namespace
}  // namespace lorae::runs
