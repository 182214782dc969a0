#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

#include "base/descriptor.h"
#include "base/error.h"

namespace lorae {
namespace {

namespace fs = std::filesystem;

/// Errors: kUnavailable, naming `path`.
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

/// Closes a descriptor, and removes the temporary file unless it was renamed away.
class TemporaryFile {
 public:
  TemporaryFile(fs::path path, FileMode mode) : path_(std::move(path)) {
    // Never through a link that somebody laid here; what a killed process left may be in the way.
    ::unlink(path_.c_str());
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                         static_cast<mode_t>(mode));
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

  void write(ByteView bytes) const { write_all(descriptor_, bytes, path_); }

  /// Owner and mode of a file that is about to be replaced.
  void take_after(const struct stat& old, FileMode mode) const {
    const auto most = mode == FileMode::kSecret ? static_cast<mode_t>(mode) : mode_t{0777};
    // Only root may give a file away; then the mode says what it did, for the new owner.
    if (::fchown(descriptor_, old.st_uid, old.st_gid) == 0) {
      ::fchmod(descriptor_, old.st_mode & most);
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
    const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() >= 0) {
      ::fsync(directory.get());
    }
  }

 private:
  fs::path path_;
  int descriptor_;
  bool renamed_ = false;
};

/// The number of "/dev/fd/3" or "/proc/self/fd/3".
std::optional<int> own_descriptor(const fs::path& path) {
  std::error_code unknown;
  const fs::path folder = fs::canonical(path.parent_path(), unknown);
  if (unknown || folder != fs::path("/proc") / std::to_string(::getpid()) / "fd") {
    return std::nullopt;
  }
  const std::string name = path.filename().string();
  int number = -1;
  const auto [end, status] = std::from_chars(name.data(), name.data() + name.size(), number);
  return status == std::errc() && end == name.data() + name.size() ? std::optional(number)
                                                                   : std::nullopt;
}

/// Where bytes for a path go.
struct Target {
  fs::path path;                  ///< behind all links
  std::optional<int> descriptor;  ///< to write into; else `path` is replaced
};

Target target_of(const fs::path& path) {
  constexpr int kMostLinks = 40;  // as Linux
  Target target{path, own_descriptor(path)};
  for (int links = 0; !target.descriptor; ++links) {
    std::error_code unknown;
    const fs::path next = fs::read_symlink(target.path, unknown);
    if (unknown) {
      return target;  // no link
    }
    check(links < kMostLinks, ErrorCode::kUnavailable, "[file] cannot write '", path.string(),
          "': too many links lead from one to another");
    target.path = target.path.parent_path() / next;  // an absolute one replaces the folder
    target.descriptor = own_descriptor(target.path);
  }
  return target;
}

void write_into(int descriptor, std::span<const ByteView> pieces, const fs::path& path) {
  for (const ByteView piece : pieces) {
    write_all(descriptor, piece, path);
  }
}

}  // namespace

void write_file_atomic(const fs::path& path, std::span<const ByteView> pieces, FileMode mode) {
  const Target target = target_of(path);
  if (target.descriptor) {
    write_into(*target.descriptor, pieces, path);
    return;
  }
  struct stat old {};
  const bool exists = ::stat(target.path.c_str(), &old) == 0;
  if (exists && !S_ISREG(old.st_mode) && !S_ISDIR(old.st_mode)) {
    const Descriptor device(::open(target.path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
    check(device.get() >= 0, ErrorCode::kUnavailable, "[file] cannot write '", path.string(),
          "': ", errno_text());
    write_into(device.get(), pieces, path);
    return;
  }
  TemporaryFile file(target.path.string() + str(".tmp", ::getpid()), mode);
  if (exists && S_ISREG(old.st_mode)) {
    file.take_after(old, mode);
  }
  for (const ByteView piece : pieces) {
    file.write(piece);
  }
  file.rename_to(target.path);
}

void write_file_atomic(const fs::path& path, ByteView bytes, FileMode mode) {
  write_file_atomic(path, std::span(&bytes, 1), mode);
}

void write_file_atomic(const fs::path& path, std::string_view text, FileMode mode) {
  write_file_atomic(path, view_of(text), mode);
}

Bytes read_file(const fs::path& path) {
  constexpr std::size_t kPiece = 1U << 20U;
  constexpr std::size_t kMostOfADevice = 16 * kPiece;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOCTTY | O_CLOEXEC));
  struct stat status {};
  const bool opened = file.get() >= 0 && ::fstat(file.get(), &status) == 0;
  check(opened, ErrorCode::kInvalidConfig, "[file] cannot read '", path.string(),
        "': ", errno_text());
  check(!S_ISDIR(status.st_mode), ErrorCode::kInvalidConfig, "[file] cannot read '", path.string(),
        "': it is a folder");
  // One more than there are, to see the end without another allocation.
  Bytes bytes(S_ISREG(status.st_mode) ? static_cast<std::size_t>(status.st_size) + 1 : kPiece);
  for (std::size_t size = 0;;) {
    if (size == bytes.size()) {
      bytes.resize(size + kPiece);
    }
    const ssize_t got = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    check(got >= 0 || errno == EINTR, ErrorCode::kInvalidConfig, "[file] cannot read '",
          path.string(), "': ", errno_text());
    size += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    check(!S_ISCHR(status.st_mode) || size < kMostOfADevice, ErrorCode::kInvalidConfig,
          "[file] cannot read '", path.string(), "': it is a device that does not end");
    if (got == 0) {
      bytes.resize(size);
      return bytes;
    }
  }
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

void ensure_home(const fs::path& path) {
  constexpr mode_t kOthersMayWrite = 0022;
  ::umask(::umask(kOthersMayWrite) | kOthersMayWrite);
  if (path.has_parent_path()) {
    std::error_code told_below;
    fs::create_directories(path.parent_path(), told_below);
  }
  ::mkdir(path.c_str(), 0700);  // fails if it is there
  ensure_directory(path);
}

}  // namespace lorae
