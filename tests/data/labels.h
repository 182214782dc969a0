#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/str.h"
#include "data/formats/half.h"
#include "data/formats/png_file.h"
#include "data/picture_head.h"
#include "tests/base/temporary_folder.h"

// Sets of labels on disk, without LibTorch and OpenCV.
namespace lorae::data::testing {

namespace fs = std::filesystem;

inline void write(const fs::path& path, std::string_view bytes) {
  write_plain(path, bytes);
}

/// A black PNG.
inline void write_png(const fs::path& path, std::int64_t width, std::int64_t height) {
  const std::vector<std::uint8_t> pixels(static_cast<std::size_t>(width * height * 3));
  write_plain(path, png_bytes(pixels, height, width, 3));
}

/// "row-twice:3 box-empty:7".
inline std::string kinds_of(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    text += str(text.empty() ? "" : " ", row_of(problem.flaw).name, ':', problem.line);
  }
  return text;
}

}  // namespace lorae::data::testing
