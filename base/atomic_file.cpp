#include "base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/staged_file.h"
#include "base/whole_number.h"

namespace lorae {
namespace {

namespace fs = std::filesystem;

/// The number of "/dev/fd/3" or "/proc/self/fd/3".
std::optional<int> own_descriptor(const fs::path& path) {
  std::error_code unknown;
  const fs::path folder = fs::canonical(path.parent_path(), unknown);
  if (unknown || folder != fs::path("/proc") / std::to_string(::getpid()) / "fd") {
    return std::nullopt;
  }
  return whole_number(path.filename().string());
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
  StagedFile file(target.path, mode);
  if (exists && S_ISREG(old.st_mode)) {
    file.take_after(old, mode);
  }
  for (const ByteView piece : pieces) {
    file.write(piece);
  }
  file.put_in_place();
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
