#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <utility>

#include "base/error.h"

namespace lorae {
namespace {

namespace fs = std::filesystem;

/// Closes a descriptor, and removes the temporary file unless it was renamed away.
class TemporaryFile {
 public:
  TemporaryFile(fs::path path, FileMode mode) : path_(std::move(path)) {
    descriptor_ =
        ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, static_cast<mode_t>(mode));
    check(descriptor_ >= 0, ErrorCode::kUnavailable, "[file] cannot write '", path_.string(),
          "': ", errno_text());
  }
  ~TemporaryFile() {
    ::close(descriptor_);
    if (!renamed_) {
      ::unlink(path_.c_str());
    }
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(ByteView bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) {
        continue;
      }
      check(written > 0, ErrorCode::kUnavailable, "[file] cannot write '", path_.string(),
            "': ", errno_text());
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  void rename_to(const fs::path& path) {
    // Calls first, checks second: the arguments of one call are evaluated in any order.
    const bool flushed = ::fsync(descriptor_) == 0;
    check(flushed, ErrorCode::kUnavailable, "[file] cannot flush '", path_.string(),
          "': ", errno_text());
    renamed_ = ::rename(path_.c_str(), path.c_str()) == 0;
    check(renamed_, ErrorCode::kUnavailable, "[file] cannot rename to '", path.string(),
          "': ", errno_text());
    const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
    const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
      ::fsync(directory);
      ::close(directory);
    }
  }

 private:
  fs::path path_;
  int descriptor_;
  bool renamed_ = false;
};

}  // namespace

void write_file_atomic(const fs::path& path, std::span<const ByteView> pieces, FileMode mode) {
  TemporaryFile file(path.string() + str(".tmp", ::getpid()), mode);
  for (const ByteView piece : pieces) {
    file.write(piece);
  }
  file.rename_to(path);
}

void write_file_atomic(const fs::path& path, ByteView bytes, FileMode mode) {
  write_file_atomic(path, std::span(&bytes, 1), mode);
}

void write_file_atomic(const fs::path& path, std::string_view text, FileMode mode) {
  write_file_atomic(path, view_of(text), mode);
}

Bytes read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  std::error_code status;
  check(file.good() && !fs::is_directory(path, status), ErrorCode::kInvalidConfig,
        "[file] cannot read '", path.string(),
        "': ", fs::is_directory(path, status) ? "it is a folder" : errno_text());
  Bytes bytes(static_cast<std::size_t>(file.tellg()));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  check(file.good() || bytes.empty(), ErrorCode::kInvalidConfig, "[file] cannot read '",
        path.string(), "'");
  return bytes;
}

void ensure_directory(const fs::path& path) {
  std::error_code status;
  fs::create_directories(path, status);
  std::error_code unknown;  // of a path that cannot even be looked at
  const bool writable = fs::is_directory(path, unknown) && ::access(path.c_str(), W_OK | X_OK) == 0;
  check(writable, ErrorCode::kInvalidConfig, "[file] cannot write into folder '", path.string(),
        "': ", status ? status.message() : errno_text(),
        "; choose another with --home, --out or LORAE_HOME");
}

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

}  // namespace lorae
