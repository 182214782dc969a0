#pragma once

#include <sys/stat.h>

#include <filesystem>

#include "base/atomic_file.h"
#include "base/bytes.h"

namespace lorae {

/// A file that is written piece by piece, and takes the place of `path` at once or never: a
/// temporary file beside it, fsync, rename, fsync of the folder. write_file_atomic, which also
/// knows links and devices, is for bytes that are there.
/// Errors: kUnavailable, with the reason; `path` is unchanged. Also if a process of the same number
/// elsewhere, such as in another container, is writing it.
class StagedFile {
 public:
  explicit StagedFile(std::filesystem::path path, FileMode mode = FileMode::kShared);
  /// What was not put in place is removed.
  ~StagedFile();
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;

  /// Whether a process that is no more began `staged`, to put it at `path`.
  static bool is_left(const std::filesystem::path& staged, const std::filesystem::path& path);

  void write(ByteView bytes) const;
  /// Owner and mode of a file that is about to be replaced.
  void take_after(const struct stat& old, FileMode mode) const;
  void put_in_place();

 private:
  std::filesystem::path path_, staged_;
  int descriptor_;
  bool in_place_ = false;
};

/// Writes into an open file; `path` is its name in errors. Errors: kUnavailable.
void write_all(int descriptor, ByteView bytes, const std::filesystem::path& path);

}  // namespace lorae
