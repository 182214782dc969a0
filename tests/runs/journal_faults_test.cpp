// What the journal does when the disk is full or broken, and when its process is killed.

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/seed.h"
#include "runs/journal.h"
#include "tests/runs/connection.h"
#include "tests/runs/journal_support.h"

namespace lorae::runs {
namespace {

const std::vector<BytesEntry> kEntries = {{Direction::kUplink, "conv1", "raw", 100}};

/// The message of the kUnavailable error that adding `update` to round 1 ends with.
std::string refusal(Journal& journal, const StoredUpdate& update) {
  try {
    journal.add_update(RoundId{1}, update, kEntries);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
    return error.what();
  }
  return "no error";
}

TEST(FullDisk, IsUnavailableAndTheSameCallSucceedsWhenThereIsRoom) {
  const TemporaryFolder folder;
  const Connection connection;
  Journal journal(folder / "journal.db", Journal::Mode::kNew);
  journal.open_round(RoundId{1}, {kAda, kBob});
  journal.add_update(RoundId{1}, update_of(kAda, 10), kEntries);
  connection.limit_pages(40);

  const std::string message = refusal(journal, update_of(kBob, 1'000'000));

  EXPECT_EQ(message,
            "[journal] '" + (folder / "journal.db").string() +
                "': no space left on the disk; free some space, the run goes on by itself");
  EXPECT_EQ(journal.reported(RoundId{1}), std::vector{kAda});
  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "raw"), 100);
  connection.limit_pages(100'000);
  EXPECT_EQ(journal.add_update(RoundId{1}, update_of(kBob, 1'000'000), kEntries), Stored::kNew);
  EXPECT_EQ(journal.update(RoundId{1}, kBob).payload.size(), 1'000'000U);
}

TEST(FullDisk, LosesTheWholeGroupAtOnce) {
  const TemporaryFolder folder;
  const Connection connection;
  Journal journal(folder / "journal.db", Journal::Mode::kNew);
  journal.open_round(RoundId{1}, {kAda, kBob});
  connection.limit_pages(40);
  {
    Transaction group = journal.begin();
    journal.add_update(RoundId{1}, update_of(kAda, 10), kEntries);
    refusal(journal, update_of(kBob, 1'000'000));
    // Were it not refused, this would be written on its own, outside the group.
    EXPECT_NE(refusal(journal, update_of(kAda, 10)).find("begin it again"), std::string::npos);
    EXPECT_THROW(group.commit(), Error);
  }

  EXPECT_TRUE(journal.reported(RoundId{1}).empty());
  connection.limit_pages(100'000);
  Transaction group = journal.begin();
  journal.add_update(RoundId{1}, update_of(kAda, 10), kEntries);
  journal.add_update(RoundId{1}, update_of(kBob, 1'000'000), kEntries);
  group.commit();
  EXPECT_EQ(journal.reported(RoundId{1}), (std::vector{kAda, kBob}));
}

/// A file system of 2 MB, or nothing if this process may not mount one.
class SmallDisk {
 public:
  SmallDisk() { mounted_ = ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=2m") == 0; }
  ~SmallDisk() {
    if (mounted_) {
      ::umount2(folder_.path().c_str(), MNT_DETACH);
    }
  }

  bool mounted() const { return mounted_; }
  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

 private:
  TemporaryFolder folder_;
  bool mounted_;
};

TEST(FullDisk, OfARealFileSystemIsSurvived) {
  const SmallDisk disk;
  if (!disk.mounted()) {
    GTEST_SKIP() << "may not mount a small file system";
  }
  const std::filesystem::path ballast = disk / "ballast";
  {
    Journal journal(disk / "journal.db", Journal::Mode::kNew);
    journal.open_round(RoundId{1}, {kAda, kBob});
    journal.add_update(RoundId{1}, update_of(kAda, 100'000), kEntries);
    SQLite::Database(ballast.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
        .exec("CREATE TABLE t(b); INSERT INTO t VALUES (zeroblob(1300000))");

    for (int attempt = 0; attempt < 3; ++attempt) {
      const std::string message = refusal(journal, update_of(kBob, 500'000));
      EXPECT_NE(message.find("free some space"), std::string::npos) << message;
    }
    EXPECT_EQ(journal.update(RoundId{1}, kAda).payload.size(), 100'000U);

    std::filesystem::remove(ballast);
    EXPECT_EQ(journal.add_update(RoundId{1}, update_of(kBob, 500'000), kEntries), Stored::kNew);
  }

  Journal journal(disk / "journal.db", Journal::Mode::kContinue);
  EXPECT_EQ(journal.reported(RoundId{1}), (std::vector{kAda, kBob}));
  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "raw"), 200);
  journal.commit_round(RoundId{1}, {}, 1);
  EXPECT_EQ(journal.last_committed(), RoundId{1});
}

/// Makes every write beyond `bytes` into a file fail with EFBIG, as a broken disk would.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    previous_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    ::signal(SIGXFSZ, previous_);
  }

 private:
  rlimit old_{};
  void (*previous_)(int);
};

TEST(BrokenDisk, IsUnavailableAndTheSameCallSucceedsWhenItWorksAgain) {
  const TemporaryFolder folder;
  Journal journal(folder / "journal.db", Journal::Mode::kNew);
  journal.open_round(RoundId{1}, {kAda, kBob});
  journal.add_update(RoundId{1}, update_of(kAda, 10), kEntries);

  std::string message;
  {
    const FileSizeLimit limit(200'000);
    message = refusal(journal, update_of(kBob, 1'000'000));
  }

  EXPECT_NE(message.find("the disk does not take it"), std::string::npos) << message;
  EXPECT_EQ(journal.reported(RoundId{1}), std::vector{kAda});
  EXPECT_EQ(journal.add_update(RoundId{1}, update_of(kBob, 1'000'000), kEntries), Stored::kNew);
  EXPECT_EQ(journal.total_bytes(Direction::kUplink, "raw"), 200);
}

/// The child: rounds of four updates, each acknowledged through `pipe` once it is durable, every
/// other round as one group.
[[noreturn]] void write_until_killed(const std::filesystem::path& path, int pipe) {
  const bool first_life = !std::filesystem::exists(path);
  Journal journal(path, first_life ? Journal::Mode::kNew : Journal::Mode::kContinue);
  const RoundId first = journal.last_committed().next();
  for (RoundId round = first;; round = round.next()) {
    if (!journal.open_round().has_value()) {
      journal.open_round(round, {});
    }
    std::array<std::uint64_t, 4> acknowledged{};
    {
      std::optional<Transaction> group;
      if (round.value % 2 == 0) {
        group.emplace(journal.begin());
      }
      for (std::uint64_t i = 0; i < 4; ++i) {
        journal.add_update(round, update_of({"client-" + std::to_string(i)}, 3000 * i), kEntries);
        acknowledged[i] = round.value * 4 + i;
        if (round.value % 2 == 1 && ::write(pipe, &acknowledged[i], sizeof(acknowledged[i])) < 0) {
          ::_exit(1);
        }
      }
      if (group.has_value()) {
        group->commit();
        if (::write(pipe, acknowledged.data(), sizeof(acknowledged)) < 0) {
          ::_exit(1);
        }
      }
    }
    journal.commit_round(round, {}, 0);
  }
}

/// Starts a child on `path`, kills it after `count` acknowledgements; returns all it gave.
std::set<std::uint64_t> killed_after(std::uint64_t count, const std::filesystem::path& path) {
  std::array<int, 2> pipe{};
  EXPECT_EQ(::pipe(pipe.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe[0]);
    write_until_killed(path, pipe[1]);
  }
  ::close(pipe[1]);
  std::set<std::uint64_t> acknowledged;
  std::uint64_t number = 0;
  while (::read(pipe[0], &number, sizeof(number)) == sizeof(number)) {
    acknowledged.insert(number);
    if (acknowledged.size() == count) {
      ::kill(child, SIGKILL);
    }
  }
  ::close(pipe[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
  return acknowledged;
}

TEST(KilledProcess, LosesNothingThatWasAcknowledged) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "journal.db";
  Random random(5);
  std::set<std::uint64_t> acknowledged;

  for (int life = 0; life < 12; ++life) {
    acknowledged.merge(killed_after(1 + random.below(25), path));

    const Journal journal(path, Journal::Mode::kRead);
    std::int64_t stored = 0;
    for (const RoundRecord& round : journal.rounds()) {
      stored += round.num_updates;
    }
    for (const std::uint64_t number : acknowledged) {
      const std::vector<ClientId> clients = journal.reported(RoundId{number / 4});
      const ClientId client{"client-" + std::to_string(number % 4)};
      EXPECT_EQ(std::count(clients.begin(), clients.end(), client), 1) << "update " << number;
    }
    // The ledger is written in the same transaction: neither more nor less than the updates.
    EXPECT_EQ(journal.total_bytes(Direction::kUplink, "raw"), 100 * stored);
  }
}

}  // namespace
}  // namespace lorae::runs
