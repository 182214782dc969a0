#pragma once

#include <filesystem>
#include <memory>

#include "base/bytes.h"

namespace lorae {

/// A file's bytes in memory, read page by page when they are touched.
///
/// The mapping is private: writing into it never changes the file. A file that another program
/// shortens while it is mapped kills ours when a page behind its new end is touched (SIGBUS): for
/// files that others may change, use `read_file`.
class MappedFile {
 public:
  /// Errors: kInvalidConfig if it cannot be read.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  ByteView bytes() const { return {data_, size_}; }
  std::byte* data() { return data_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace lorae
