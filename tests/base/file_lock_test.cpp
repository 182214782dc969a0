#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <utility>

#include "base/atomic_file.h"
#include "tests/base/support.h"

namespace lorae {
namespace {

using Wait = FileLock::Wait;

/// Another process that holds the lock until it is told to end.
class Holder {
 public:
  explicit Holder(const std::filesystem::path& path) {
    std::array<int, 2> ready{};
    std::array<int, 2> end{};
    EXPECT_EQ(::pipe(ready.data()) | ::pipe(end.data()), 0);
    child_ = ::fork();
    char byte = 0;
    if (child_ == 0) {
      const FileLock lock(path, Wait::kNo);
      ::close(end[1]);
      const bool told = ::write(ready[1], "r", 1) == 1 && ::read(end[0], &byte, 1) == 0;
      ::_exit(told ? 0 : 1);
    }
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    for (const int descriptor : {ready[0], ready[1], end[0]}) {
      ::close(descriptor);
    }
    end_ = end[1];
  }
  ~Holder() {
    release();
    ::waitpid(child_, nullptr, 0);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  /// Lets the process end, without waiting for that.
  void release() {
    if (end_ >= 0) {
      ::close(std::exchange(end_, -1));
    }
  }

 private:
  ::pid_t child_ = 0;
  int end_ = -1;
};

class LockFile : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "lock";
};

TEST_F(LockFile, ExcludesOtherProcesses) {
  const Holder holder(path_);

  const auto [code, text] = error_of([&] { FileLock(path_, Wait::kNo, "stop it first"); });

  EXPECT_EQ(code, ErrorCode::kUnavailable);
  EXPECT_EQ(text, "[file] '" + path_.string() + "' is in use by another process; stop it first");
  EXPECT_TRUE(is_locked(path_));
}

TEST_F(LockFile, ExcludesASecondLockOfTheSameProcess) {
  const FileLock lock(path_, Wait::kNo);

  EXPECT_EQ(error_of([&] { FileLock(path_, Wait::kNo); }).second,
            "[file] '" + path_.string() + "' is in use by another process");
}

TEST_F(LockFile, IsFreeWhenTheOtherProcessEnds) {
  { const Holder holder(path_); }

  EXPECT_FALSE(is_locked(path_));
  EXPECT_NO_THROW(FileLock(path_, Wait::kNo));
}

TEST_F(LockFile, IsWaitedForIfAsked) {
  Holder holder(path_);
  holder.release();

  EXPECT_NO_THROW(FileLock(path_, Wait::kYes));
}

TEST_F(LockFile, IsFreeWhenItsOwnerIsDestroyed) {
  { const FileLock lock(path_, Wait::kNo); }

  EXPECT_FALSE(is_locked(path_));
}

TEST_F(LockFile, MovesWithItsOwner) {
  FileLock lock(path_, Wait::kNo);
  {
    const FileLock moved = std::move(lock);
    EXPECT_TRUE(is_locked(path_));
  }
  EXPECT_FALSE(is_locked(path_));
}

TEST_F(LockFile, IsNotLockedIfItDoesNotExist) {
  EXPECT_FALSE(is_locked(path_));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(LockFile, HoldsTheTextThatWasWrittenLast) {
  FileLock lock(path_, Wait::kNo);

  lock.write("process 12345");
  lock.write("process 6");

  EXPECT_EQ(text_of(read_file(path_)), "process 6");
}

TEST_F(LockFile, SaysWhyItCannotBeOpened) {
  EXPECT_EQ(config_error([&] { FileLock(folder_ / "none" / "lock", Wait::kNo); }),
            "[file] cannot open lock '" + (folder_ / "none" / "lock").string() +
                "': No such file or directory");
}

/// This process's name, as Linux shows it, while this lives.
class Named {
 public:
  explicit Named(const char* name) {
    ::prctl(PR_GET_NAME, before_.data());
    ::prctl(PR_SET_NAME, name);
  }
  ~Named() { ::prctl(PR_SET_NAME, before_.data()); }
  Named(const Named&) = delete;
  Named& operator=(const Named&) = delete;

 private:
  std::array<char, 16> before_{};
};

constexpr const char* kProgram = "lorae-coordinator";  // longer than the name that Linux keeps

TEST_F(LockFile, NamesTheProcessThatHoldsItAndBearsTheName) {
  const Named named(kProgram);
  FileLock lock(path_, Wait::kNo);
  lock.write(str(::getpid(), '\n'));

  EXPECT_EQ(holder_of(path_, kProgram), ::getpid());
}

TEST_F(LockFile, NamesNobodyOfAnotherName) {
  FileLock lock(path_, Wait::kNo);
  lock.write(str(::getpid(), '\n'));

  EXPECT_EQ(holder_of(path_, kProgram), std::nullopt);
}

TEST_F(LockFile, NamesNobodyWhoDoesNotHaveItOpen) {
  const Named named(kProgram);
  const Holder holder(path_);  // another process, and the number inside is ours
  std::ofstream(path_) << ::getpid() << '\n';

  EXPECT_EQ(holder_of(path_, kProgram), std::nullopt);
}

TEST_F(LockFile, NamesNobodyIfSomethingElseStandsInIt) {
  const Named named(kProgram);
  FileLock lock(path_, Wait::kNo);
  const std::string own = std::to_string(::getpid());
  for (const std::string& text :
       {std::string("12:00:01.042 info run.start\n"), own, own + " run.start\n", own + "\nmore\n",
        std::string("1\n"), std::string("-1\n"), std::string("0\n"), std::string()}) {
    lock.write(text);
    EXPECT_EQ(holder_of(path_, kProgram), std::nullopt) << text;
  }
}

TEST_F(LockFile, NamesNobodyIfNobodyHoldsIt) {
  const Named named(kProgram);
  std::ofstream(path_) << ::getpid() << '\n';
  EXPECT_EQ(holder_of(path_, kProgram), std::nullopt);
  EXPECT_EQ(holder_of(folder_ / "none", kProgram), std::nullopt);
}

}  // namespace
}  // namespace lorae
