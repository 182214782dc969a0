#include "base/staged_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/whole_number.h"

namespace lorae {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMark = ".tmp";  // and the number of the process

}  // namespace

void write_all(int descriptor, ByteView bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    check(written > 0, ErrorCode::kUnavailable, "[file] cannot write '", path.string(),
          "': ", errno_text());
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

bool StagedFile::is_left(const fs::path& staged, const fs::path& path) {
  const std::string before = path.string() + std::string(kMark), name = staged.string();
  return name.starts_with(before) &&
         whole_number(std::string_view(name).substr(before.size())).has_value() &&
         !is_locked(staged);
}

StagedFile::StagedFile(fs::path path, FileMode mode)
    : path_(std::move(path)), staged_(path_.string() + str(kMark, ::getpid())) {
  // Never through a link that somebody laid here; what a killed process left may be in the way.
  check(!is_locked(staged_), ErrorCode::kUnavailable, "[file] cannot write '", path_.string(),
        "': another process is writing it");
  ::unlink(staged_.c_str());
  descriptor_ = ::open(staged_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                       static_cast<mode_t>(mode));
  check(descriptor_ >= 0, ErrorCode::kUnavailable, "[file] cannot write '", staged_.string(),
        "': ", errno_text());
  ::flock(descriptor_, LOCK_EX | LOCK_NB);  // shows that it is being written, as long as we live
}

StagedFile::~StagedFile() {
  ::close(descriptor_);
  if (!in_place_) {
    ::unlink(staged_.c_str());
  }
}

void StagedFile::write(ByteView bytes) const {
  write_all(descriptor_, bytes, staged_);
}

void StagedFile::take_after(const struct stat& old, FileMode mode) const {
  const auto most = mode == FileMode::kSecret ? static_cast<mode_t>(mode) : mode_t{0777};
  // Only root may give a file away; then the mode says what it did, for the new owner.
  if (::fchown(descriptor_, old.st_uid, old.st_gid) == 0) {
    ::fchmod(descriptor_, old.st_mode & most);
  }
}

void StagedFile::put_in_place() {
  // Calls first, checks second: the arguments of one call are evaluated in any order.
  const bool flushed = ::fsync(descriptor_) == 0;
  check(flushed, ErrorCode::kUnavailable, "[file] cannot flush '", staged_.string(),
        "': ", errno_text());
  in_place_ = ::rename(staged_.c_str(), path_.c_str()) == 0;
  check(in_place_, ErrorCode::kUnavailable, "[file] cannot rename to '", path_.string(),
        "': ", errno_text());
  const fs::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) {
    ::fsync(directory.get());
  }
}

}  // namespace lorae
