// A run whose files are damaged is told as damaged, and never as "not there".

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "base/atomic_file.h"
#include "runs/list_runs.h"
#include "runs/run_directory.h"
#include "tests/runs/journal_support.h"

namespace lorae::runs {
namespace {

namespace fs = std::filesystem;

constexpr auto kContinue = Journal::Mode::kContinue;
constexpr auto kRead = Journal::Mode::kRead;
constexpr std::size_t kPage = 16384;

const std::vector<ClientId> kAll = {kAda, kBob, kEve};

/// A run with an open round: two updates in the file and, with a log, a third in the log alone, as
/// `kill -9` leaves it.
class DamagedRun : public testing::Test {
 protected:
  void make(bool with_log) {
    const fs::path live = made_ / (with_log ? "log" : "no_log");
    const RunDirectory run = RunDirectory::create(live, "rounds = 3\n");
    {
      Journal journal(run.journal_path(), kContinue);
      journal.open_round(RoundId{1}, kAll);
      journal.add_update(RoundId{1}, update_of(kAda, 60'000), uplink(4, 2));
      journal.add_update(RoundId{1}, update_of(kBob, 60'000), uplink(4, 2));
    }
    std::optional<Journal> journal;
    if (with_log) {
      journal.emplace(run.journal_path(), kContinue);
      journal->add_update(RoundId{1}, update_of(kEve, 60'000), uplink(4, 2));
    }
    for (const char* file : {"config.toml", "journal.db", "journal.db-wal"}) {
      if (fs::exists(live / file)) {
        sound_[file] = read_file(live / file);
      }
    }
    ASSERT_EQ(sound_.contains("journal.db-wal"), with_log);
    restore();
  }

  void restore() const {
    fs::remove_all(run_);
    fs::create_directories(run_);
    for (const auto& [file, bytes] : sound_) {
      write_file_atomic(run_ / file, bytes);
    }
  }

  void overwrite(std::size_t at, std::size_t size, std::byte fill) const {
    Bytes bytes = sound_.at("journal.db");
    ASSERT_LE(at + size, bytes.size());
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size, fill);
    write_file_atomic(journal_, bytes);
  }

  std::size_t size() const { return sound_.at("journal.db").size(); }

  /// What list_runs says of the run, which it has to list.
  std::optional<Error> damage() const {
    const std::vector<FoundRun> runs = list_runs(folder_.path());
    EXPECT_EQ(runs.size(), 1U);
    EXPECT_TRUE(runs.empty() || runs[0].config_text == "rounds = 3\n");
    return runs.empty() ? std::nullopt : runs[0].damage;
  }

  void expect_damage(const std::string& how) const {
    SCOPED_TRACE(how);
    const std::optional<Error> found = damage();
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->code(), ErrorCode::kCorruptData);
    const std::string what = found->what();
    EXPECT_TRUE(what.starts_with("[journal] '" + journal_.string() + "' is damaged: ")) << what;
    EXPECT_TRUE(what.ends_with("; restore it from a copy, or start a new run with --fresh"))
        << what;
    EXPECT_ERROR(Journal(journal_, kContinue), ErrorCode::kCorruptData, "is damaged: ");
    if (sound_.contains("journal.db-wal")) {  // a look does not throw away what may be left
      EXPECT_EQ(read_file(run_ / "journal.db-wal"), sound_.at("journal.db-wal"));
    }
  }

  void expect_that_every_damage_is_told() const {
    const std::map<std::string, std::function<void()>> damages = {
        {"head, 16 bytes", [&] { overwrite(0, 16, std::byte{0xff}); }},
        {"head, 100 bytes", [&] { overwrite(0, 100, std::byte{0}); }},
        {"head, 4096 bytes", [&] { overwrite(0, 4096, std::byte{'x'}); }},
        {"head, a page", [&] { overwrite(0, kPage, std::byte{0}); }},
        {"cut to its half", [&] { fs::resize_file(journal_, size() / 2); }},
        {"cut to whole pages", [&] { fs::resize_file(journal_, size() / kPage / 2 * kPage); }},
        {"cut by a page", [&] { fs::resize_file(journal_, size() - kPage); }},
        {"cut by a byte", [&] { fs::resize_file(journal_, size() - 1); }},
        {"cut to the head", [&] { fs::resize_file(journal_, 100); }},
        {"cut to a word", [&] { fs::resize_file(journal_, 6); }},
        {"empty", [&] { fs::resize_file(journal_, 0); }},
        {"missing", [&] { fs::remove(journal_); }},
        {"a folder",
         [&] {
           fs::remove(journal_);
           fs::create_directory(journal_);
         }},
        {"a link to nowhere",
         [&] {
           fs::remove(journal_);
           fs::create_symlink("nowhere", journal_);
         }},
        {"text", [&] { write_file_atomic(journal_, std::string(5000, 'x')); }},
    };
    for (const auto& [how, damage] : damages) {
      restore();
      damage();
      expect_damage(how);
    }
  }

  TemporaryFolder made_;
  TemporaryFolder folder_;
  fs::path run_ = folder_ / "run";
  fs::path journal_ = run_ / "journal.db";
  std::map<std::string, Bytes> sound_;
};

TEST_F(DamagedRun, IsTold) {
  make(/*with_log=*/false);
  expect_that_every_damage_is_told();
}

TEST_F(DamagedRun, IsToldWithALogBesideIt) {
  make(/*with_log=*/true);
  expect_that_every_damage_is_told();
}

TEST_F(DamagedRun, IsToldWhicheverPageIsOverwritten) {
  make(/*with_log=*/false);
  for (std::size_t page = 0; page < size() / kPage; ++page) {
    for (const int fill : {0x00, 0xff, 0x78}) {
      restore();
      overwrite(page * kPage, kPage, static_cast<std::byte>(fill));
      expect_damage(str("page ", page, " with ", fill));
    }
  }
}

TEST_F(DamagedRun, IsToldOrWholeWhenTheLogHoldsThePage) {
  make(/*with_log=*/true);
  int told = 0;
  for (std::size_t page = 1; page < size() / kPage; ++page) {
    restore();
    overwrite(page * kPage, kPage, std::byte{0xff});
    if (damage().has_value()) {
      ++told;
      continue;
    }
    const Journal journal(journal_, kContinue);
    for (const ClientId& client : kAll) {
      EXPECT_EQ(journal.update(RoundId{1}, client).payload, update_of(client, 60'000).payload)
          << page;
    }
  }
  EXPECT_GT(told, 0);
}

TEST_F(DamagedRun, IsToldWhenItIsOnlyRead) {
  make(/*with_log=*/false);
  const std::map<std::string, std::function<void()>> damages = {
      {"does not begin as a journal does", [&] { overwrite(0, 16, std::byte{0xff}); }},
      {"is empty", [&] { fs::resize_file(journal_, 0); }},
      {"is cut", [&] { fs::resize_file(journal_, size() - 1); }},
      {"malformed", [&] { fs::resize_file(journal_, size() / kPage / 2 * kPage); }}};
  for (const auto& [how, damage] : damages) {
    restore();
    damage();
    EXPECT_ERROR(Journal(journal_, kRead), ErrorCode::kCorruptData, how);
    EXPECT_ERROR(Journal(journal_, kRead), ErrorCode::kCorruptData, "start a new run with --fresh");
  }
}

TEST_F(DamagedRun, IsNotOneThatWasKilled) {
  make(/*with_log=*/true);

  EXPECT_FALSE(damage().has_value());
  const Journal journal(journal_, kContinue);
  EXPECT_EQ(journal.reported(RoundId{1}), kAll);
  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "raw"), 12);
}

TEST_F(DamagedRun, IsNotOneThatDiedInTheMiddleOfMovingItsLogIntoTheFile) {
  make(/*with_log=*/true);
  const Bytes log = sound_.at("journal.db-wal");
  Bytes moved;
  {
    const Journal journal(journal_, kContinue);  // moves it when it closes
  }
  moved = read_file(journal_);
  ASSERT_GT(moved.size(), size() + kPage);
  // Pages go in ascending order; the head already counts the ones that are not there yet.
  for (const std::size_t written : {size(), size() + 1, size() + kPage, moved.size() - 1}) {
    restore();
    write_file_atomic(journal_, ByteView(moved).first(written));

    EXPECT_FALSE(damage().has_value()) << written;
    EXPECT_EQ(Journal(journal_, kContinue).reported(RoundId{1}), kAll) << written;
  }
  // Without the log these pages are gone.
  restore();
  write_file_atomic(journal_, ByteView(moved).first(moved.size() - 1));
  fs::remove(run_ / "journal.db-wal");
  EXPECT_TRUE(damage().has_value());
}

TEST_F(DamagedRun, EndsItsLogWhereThatIsCut) {
  make(/*with_log=*/true);
  const Bytes log = sound_.at("journal.db-wal");
  for (std::size_t left = 0; left < log.size(); left += 5003) {
    restore();
    write_file_atomic(run_ / "journal.db-wal", ByteView(log).first(left));

    EXPECT_FALSE(damage().has_value()) << left;
    EXPECT_GE(Journal(journal_, kContinue).reported(RoundId{1}).size(), 2U) << left;
  }
}

TEST_F(DamagedRun, IsToldApartFromAnotherVersion) {
  make(/*with_log=*/false);
  SQLite::Database(journal_.string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 1");

  const std::optional<Error> found = damage();

  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->code(), ErrorCode::kIncompatible);
  EXPECT_NE(std::string(found->what()).find("written by an earlier LoRAE"), std::string::npos);
}

}  // namespace
}  // namespace lorae::runs
