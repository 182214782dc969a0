#include "base/atomic_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <thread>

#include "tests/base/support.h"

namespace lorae {
namespace {

namespace fs = std::filesystem;

class AtomicFile : public testing::Test {
 protected:
  std::size_t num_files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator{}));
  }
  std::string content() const { return std::string(text_of(read_file(path_))); }

  TemporaryFolder folder_;
  fs::path path_ = folder_ / "state";
};

/// Takes the right to write into a folder away, from root too, and gives it back.
class ReadOnly {
 public:
  explicit ReadOnly(fs::path folder) : folder_(std::move(folder)) {
    ::chmod(folder_.c_str(), 0555);
    if (was_root_) {
      constexpr ::uid_t kNobody = 65534;
      EXPECT_EQ(::setresuid(kNobody, kNobody, 0), 0);
    }
  }
  ~ReadOnly() {
    if (was_root_) {
      EXPECT_EQ(::setresuid(0, 0, 0), 0);
    }
    ::chmod(folder_.c_str(), 0755);
  }
  ReadOnly(const ReadOnly&) = delete;
  ReadOnly& operator=(const ReadOnly&) = delete;

 private:
  fs::path folder_;
  bool was_root_ = ::geteuid() == 0;
};

/// Files may have so many bytes and no more while this lives.
class SmallFiles {
 public:
  explicit SmallFiles(::rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const ::rlimit small{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~SmallFiles() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;

 private:
  ::rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST_F(AtomicFile, HoldsWhatWasWritten) {
  const std::string text("a\0\n", 3);

  write_file_atomic(path_, text);

  EXPECT_EQ(content(), text);
  EXPECT_EQ(num_files(), 1U);
}

TEST_F(AtomicFile, IsReplacedAsAWhole) {
  write_file_atomic(path_, std::string(1000, 'x'));

  write_file_atomic(path_, "new");

  EXPECT_EQ(content(), "new");
  EXPECT_EQ(num_files(), 1U);
}

TEST_F(AtomicFile, LeavesTheOldBytesToThoseWhoReadThem) {
  write_file_atomic(path_, "old");
  std::ifstream reader(path_);

  write_file_atomic(path_, "new");

  std::string text;
  reader >> text;
  EXPECT_EQ(text, "old");
}

TEST_F(AtomicFile, HoldsItsPiecesInOrder) {
  const std::array<ByteView, 3> pieces = {view_of("ab"), view_of(""), view_of("cd")};

  write_file_atomic(path_, std::span<const ByteView>(pieces));

  EXPECT_EQ(content(), "abcd");
}

TEST_F(AtomicFile, MayBeEmpty) {
  write_file_atomic(path_, "");

  EXPECT_EQ(content(), "");
}

TEST_F(AtomicFile, MayLieInTheWorkingFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_.path());

  write_file_atomic("state", "here");

  fs::current_path(before);
  EXPECT_EQ(content(), "here");
}

TEST_F(AtomicFile, CanBeSecret) {
  write_file_atomic(path_, "shared");
  write_file_atomic(path_, "secret", FileMode::kSecret);

  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(AtomicFile, StaysAsItWasIfThereIsNoRoom) {
  write_file_atomic(path_, "old");
  const fs::path temporary = path_.string() + ".tmp" + std::to_string(::getpid());
  std::pair<ErrorCode, std::string> error;
  {
    const SmallFiles small(10);
    error = error_of([&] { write_file_atomic(path_, std::string(100, 'x')); });
  }

  EXPECT_EQ(error.first, ErrorCode::kUnavailable);
  EXPECT_EQ(error.second, "[file] cannot write '" + temporary.string() + "': File too large");
  EXPECT_EQ(content(), "old");
  EXPECT_EQ(num_files(), 1U);
}

TEST_F(AtomicFile, WritesThroughNoLinkThatLiesInItsWay) {
  const fs::path victim = folder_ / "victim";
  std::ofstream(victim) << "precious";
  fs::create_symlink(victim, path_.string() + ".tmp" + std::to_string(::getpid()));

  write_file_atomic(path_, "new");

  EXPECT_EQ(content(), "new");
  EXPECT_EQ(text_of(read_file(victim)), "precious");
}

TEST_F(AtomicFile, LeavesALinkAndReplacesWhatItPointsTo) {
  fs::create_directory(folder_ / "elsewhere");
  fs::create_symlink("elsewhere/link", path_);
  fs::create_symlink("file", folder_ / "elsewhere/link");

  write_file_atomic(path_, "made");
  write_file_atomic(path_, "made again");

  EXPECT_TRUE(fs::is_symlink(path_) && fs::is_symlink(folder_ / "elsewhere/link"));
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(folder_ / "elsewhere/file")));
  EXPECT_EQ(content(), "made again");
}

TEST_F(AtomicFile, RefusesLinksThatGoRoundInCircles) {
  fs::create_symlink("state", path_);

  const auto [code, text] = error_of([&] { write_file_atomic(path_, "new"); });

  EXPECT_EQ(code, ErrorCode::kUnavailable);
  EXPECT_NE(text.find("too many links"), std::string::npos) << text;
  EXPECT_TRUE(fs::is_symlink(path_));
}

TEST_F(AtomicFile, WritesIntoADeviceAndSaysIfThatIsFull) {
  fs::create_symlink("/dev/full", path_);

  const auto [code, text] = error_of([&] { write_file_atomic(path_, "new"); });

  EXPECT_EQ(code, ErrorCode::kUnavailable);
  EXPECT_EQ(text, "[file] cannot write '" + path_.string() + "': No space left on device");
  EXPECT_TRUE(fs::is_character_file("/dev/full") && fs::is_symlink(path_));
  write_file_atomic("/dev/null", "gone");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(AtomicFile, WritesIntoAPipe) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const int reader =
      ::open(path_.c_str(), O_RDONLY | O_NONBLOCK);  // before the writer waits for it

  write_file_atomic(path_, "through");

  std::array<char, 16> got{};
  EXPECT_EQ(::read(reader, got.data(), got.size()), 7);
  EXPECT_STREQ(got.data(), "through");
  EXPECT_TRUE(fs::is_fifo(path_));
  ::close(reader);
}

TEST_F(AtomicFile, WritesIntoADescriptorOfThisProcess) {
  const int file = ::open(path_.c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(::write(file, "before ", 7), 7);

  write_file_atomic("/dev/fd/" + std::to_string(file), "through");

  EXPECT_EQ(content(), "before through") << "as a shell's >> means it";
  ::close(file);
}

TEST_F(AtomicFile, KeepsTheModeOfWhatItReplaces) {
  write_file_atomic(path_, "old");
  ::chmod(path_.c_str(), 0640);

  write_file_atomic(path_, "new");

  EXPECT_EQ(static_cast<int>(fs::status(path_).permissions()), 0640);
}

TEST_F(AtomicFile, ReadsAllThatAPipeGives) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const std::string text(3'000'000, 'x');
  std::thread writer([&] { std::ofstream(path_) << text; });

  const Bytes got = read_file(path_);

  writer.join();
  EXPECT_EQ(text_of(got), text);
}

TEST_F(AtomicFile, ReadsADeviceThatEndsAndRefusesOneThatDoesNot) {
  EXPECT_TRUE(read_file("/dev/null").empty());
  EXPECT_EQ(config_error([] { read_file("/dev/zero"); }),
            "[file] cannot read '/dev/zero': it is a device that does not end");
}

TEST_F(AtomicFile, AHomeIsClosedToOthersWhateverTheUmaskIs) {
  const ::mode_t before = ::umask(0);
  ensure_home(folder_ / "a" / "home");
  ensure_home(folder_ / "a" / "home");
  ensure_directory(folder_ / "a" / "home" / "runs");
  const ::mode_t after = ::umask(before);

  EXPECT_EQ(static_cast<int>(fs::status(folder_ / "a/home").permissions()), 0700);
  EXPECT_EQ(static_cast<int>(fs::status(folder_ / "a/home/runs").permissions()), 0755);
  EXPECT_EQ(after, ::mode_t{0022});
}

TEST_F(AtomicFile, StaysAsItWasIfTheFolderCannotBeWritten) {
  write_file_atomic(path_, "old");
  std::pair<ErrorCode, std::string> error;
  {
    const ReadOnly read_only(folder_.path());
    error = error_of([&] { write_file_atomic(path_, "new"); });
  }

  EXPECT_EQ(error.first, ErrorCode::kUnavailable);
  EXPECT_TRUE(error.second.ends_with("': Permission denied")) << error.second;
  EXPECT_EQ(content(), "old");
  EXPECT_EQ(num_files(), 1U);
}

TEST_F(AtomicFile, LeavesNothingBehindIfItCannotBeRenamed) {
  fs::create_directory(path_);
  errno = 0;

  const auto [code, text] = error_of([&] { write_file_atomic(path_, "new"); });

  EXPECT_EQ(code, ErrorCode::kUnavailable);
  EXPECT_EQ(text, "[file] cannot rename to '" + path_.string() + "': Is a directory");
  EXPECT_EQ(num_files(), 1U);
}

TEST_F(AtomicFile, IsUnavailableWithoutItsFolder) {
  EXPECT_EQ(error_of([&] { write_file_atomic(folder_ / "none" / "state", "new"); }).first,
            ErrorCode::kUnavailable);
}

TEST_F(AtomicFile, SaysWhyItCannotBeRead) {
  EXPECT_EQ(config_error([&] { read_file(path_); }),
            "[file] cannot read '" + path_.string() + "': No such file or directory");
  EXPECT_EQ(config_error([&] { read_file(folder_.path()); }),
            "[file] cannot read '" + folder_.path().string() + "': it is a folder");
}

TEST_F(AtomicFile, EnsuresThatAFolderExistsWithItsParents) {
  ensure_directory(folder_ / "a" / "b");
  ensure_directory(folder_ / "a" / "b");

  EXPECT_TRUE(fs::is_directory(folder_ / "a" / "b"));
}

TEST_F(AtomicFile, NamesTheFolderThatRefuses) {
  write_file_atomic(path_, "a file");
  const std::string hint = "; choose another with --home, --out or LORAE_HOME";

  EXPECT_EQ(config_error([&] { ensure_directory(path_); }),
            "[file] cannot write into folder '" + path_.string() + "': Not a directory" + hint);
  EXPECT_EQ(config_error([&] { ensure_directory(path_ / "below"); }),
            "[file] cannot write into folder '" + (path_ / "below").string() +
                "': Not a directory" + hint);
  const fs::path long_name = folder_ / std::string(300, 'x');
  EXPECT_EQ(
      config_error([&] { ensure_directory(long_name); }),
      "[file] cannot write into folder '" + long_name.string() + "': File name too long" + hint);
}

TEST_F(AtomicFile, NamesTheFolderThatCannotBeWritten) {
  std::string text;
  {
    const ReadOnly read_only(folder_.path());
    errno = 0;
    text = config_error([&] { ensure_directory(folder_.path()); });
  }

  EXPECT_EQ(text, "[file] cannot write into folder '" + folder_.path().string() +
                      "': Permission denied; choose another with --home, --out or LORAE_HOME");
}

}  // namespace
}  // namespace lorae
