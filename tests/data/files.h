#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/str.h"
#include "data/formats/open.h"
#include "tests/base/temporary_folder.h"

// Small data sets in their real formats, written where a test can break them.
namespace lorae::data::testing {

namespace fs = std::filesystem;

/// Runs `action` and expects an Error with this code whose message contains each of `parts`.
template <typename Action, typename... Parts>
void expect_error(ErrorCode code, Action action, const Parts&... parts) {
  try {
    action();
    ADD_FAILURE() << "expected an error about: " << str(parts...);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_EQ(std::string_view(error.what()).substr(0, 7), "[data] ");
    const auto contains = [&](const std::string& part) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
          << "'" << part << "' is not in: " << error.what();
    };
    (contains(str(parts)), ...);
  }
}

inline void write(const fs::path& path, std::string_view bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary).write(bytes.data(), std::ssize(bytes));
}

inline void write_gz(const fs::path& path, std::string_view bytes) {
  const gzFile file = ::gzopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  ::gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  ::gzclose(file);
}

inline std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// All pictures of a set, fitted to `shape`.
inline ImageSet all_of(const DatasetPtr& set, ImageShape shape) {
  return *held_if_small(set, shape)->in_memory();
}

/// Replaces a file by its first `size` bytes.
inline void truncate(const fs::path& path, std::size_t size) {
  write(path, read(path).substr(0, size));
}

/// The bytes of one pixel value per position, different at every position of small images.
inline char pattern(std::size_t position) {
  return static_cast<char>(position * 7 % 251);
}

inline std::string pixels(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t i = 0; i < count; ++i) {
    bytes[i] = pattern(i);
  }
  return bytes;
}

inline std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes += static_cast<char>(value >> shift & 255U);
  }
  return bytes;
}

inline std::string idx_images(std::uint32_t count, std::uint32_t height, std::uint32_t width) {
  return big_endian(0x803) + big_endian(count) + big_endian(height) + big_endian(width) +
         pixels(std::size_t{count} * height * width);
}

/// Labels 0, 1 ... 9, 0, 1 ...
inline std::string idx_labels(std::uint32_t count) {
  std::string bytes = big_endian(0x801) + big_endian(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    bytes += static_cast<char>(i % 10);
  }
  return bytes;
}

/// Both halves of CIFAR-10: `per_file` records in each file, labelled 0, 1 ... 9, 0 ...
inline void write_cifar10(const fs::path& folder, int per_file) {
  std::string names;
  std::string records;
  for (int k = 0; k < 10; ++k) {
    names += str("name", k, "\n");
  }
  for (int i = 0; i < per_file; ++i) {
    records += static_cast<char>(i % 10) + pixels(3072);
  }
  write(folder / "batches.meta.txt", names + "\n");  // the original ends like this
  write(folder / "test_batch.bin", records);
  for (int file = 1; file <= 5; ++file) {
    write(folder / str("data_batch_", file, ".bin"), records);
  }
}

/// A picture of one colour, as OpenCV writes it by the file's ending.
inline void write_picture(const fs::path& path, int red, int green, int blue, int side = 8) {
  fs::create_directories(path.parent_path());
  ASSERT_TRUE(
      cv::imwrite(path.string(), cv::Mat(side, side, CV_8UC3, cv::Scalar(blue, green, red))));
}

}  // namespace lorae::data::testing
