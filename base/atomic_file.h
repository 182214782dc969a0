#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace lorae {

/// Who may read a file that we write.
enum class FileMode { kShared = 0644, kSecret = 0600 };

/// Replaces `path` by `pieces`, one after the other, so that after a crash or a power cut it holds
/// all of the old or all of the new bytes: temporary file, fsync, rename, fsync of the folder. A
/// file that is replaced keeps its owner and its mode, but for what kSecret forbids.
///
/// A link stays one, and what it points to is replaced. A device, a pipe or a descriptor of this
/// process (/dev/stdout) is written into.
/// Errors: kUnavailable if the disk is full or the folder cannot be written; `path` is unchanged.
void write_file_atomic(const std::filesystem::path& path,
                       std::span<const ByteView> pieces,
                       FileMode mode = FileMode::kShared);
void write_file_atomic(const std::filesystem::path& path,
                       ByteView bytes,
                       FileMode mode = FileMode::kShared);
void write_file_atomic(const std::filesystem::path& path,
                       std::string_view text,
                       FileMode mode = FileMode::kShared);

/// The whole file, or all that a pipe gives. Errors: kInvalidConfig if it cannot be read, or if it
/// is a device that does not end.
Bytes read_file(const std::filesystem::path& path);

/// Creates `path` and its parents. Errors: kInvalidConfig, naming the folder that refuses.
void ensure_directory(const std::filesystem::path& path);

/// As ensure_directory, for a home, which holds keys: one that is made is closed to other users,
/// whatever the umask is, and from now on this process makes nothing that others may change.
void ensure_home(const std::filesystem::path& path);

/// An exclusive advisory lock (flock) on a file; released when destroyed or when the process dies.
class FileLock {
 public:
  enum class Wait { kNo, kYes };

  /// Errors: kUnavailable with `hint` if somebody else holds it and `wait` is kNo.
  FileLock(const std::filesystem::path& path, Wait wait, std::string_view hint = {});
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;

  /// Puts `text` into the locked file, for example a process id.
  void write(std::string_view text);

 private:
  int descriptor_;
};

/// True if some process holds the lock on `path`.
bool is_locked(const std::filesystem::path& path);

/// The process that holds the lock on `path`, whose number it wrote into it, if its program has
/// that name; nothing if it is another one's number by now. Needs /proc.
std::optional<int> holder_of(const std::filesystem::path& path, std::string_view program);

}  // namespace lorae
