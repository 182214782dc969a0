#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/whole_number.h"

namespace lorae {
namespace {

namespace fs = std::filesystem;

/// True if the process has this very file open.
bool has_open(const fs::path& process, const fs::path& file) {
  struct stat wanted {};
  if (::stat(file.c_str(), &wanted) != 0) {
    return false;
  }
  std::error_code status;
  for (fs::directory_iterator entry(process / "fd", status), end; !status && entry != end;
       entry.increment(status)) {
    struct stat open {};
    if (::stat(entry->path().c_str(), &open) == 0 && open.st_dev == wanted.st_dev &&
        open.st_ino == wanted.st_ino) {
      return true;
    }
  }
  return false;
}

/// The name as Linux keeps it: its first 15 bytes.
bool bears_name(const fs::path& process, std::string_view program) {
  constexpr std::size_t kKept = 15;
  std::string name;
  std::ifstream comm(process / "comm");
  return std::getline(comm, name) && name == program.substr(0, kKept);
}

}  // namespace

FileLock::FileLock(const fs::path& path, Wait wait, std::string_view hint)
    : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  check(descriptor_ >= 0, ErrorCode::kInvalidConfig, "[file] cannot open lock '", path.string(),
        "': ", errno_text());
  const int operation = wait == Wait::kYes ? LOCK_EX : LOCK_EX | LOCK_NB;
  int status = 0;
  do {
    status = ::flock(descriptor_, operation);
  } while (status != 0 && errno == EINTR);
  if (status != 0) {
    ::close(descriptor_);
    fail(ErrorCode::kUnavailable, "[file] '", path.string(), "' is in use by another process",
         hint.empty() ? "" : "; ", hint);
  }
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

void FileLock::write(std::string_view text) {
  const bool written =
      ::ftruncate(descriptor_, 0) == 0 &&
      ::pwrite(descriptor_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  check(written, ErrorCode::kUnavailable, "[file] cannot write a lock file: ", errno_text());
}

bool is_locked(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) {
    return false;
  }
  const bool locked = ::flock(descriptor, LOCK_EX | LOCK_NB) != 0;
  ::close(descriptor);
  return locked;
}

std::optional<int> holder_of(const fs::path& path, std::string_view program) {
  if (!is_locked(path)) {
    return std::nullopt;  // what stands in a lock that nobody holds is stale
  }
  const Bytes bytes = read_file(path);
  const std::string_view text = text_of(bytes);
  if (!text.ends_with('\n')) {
    return std::nullopt;
  }
  const auto number = whole_number(text.substr(0, text.size() - 1));
  const fs::path process = fs::path("/proc") / std::to_string(number.value_or(0));
  return number > 1 && bears_name(process, program) && has_open(process, path) ? number
                                                                               : std::nullopt;
}

}  // namespace lorae
