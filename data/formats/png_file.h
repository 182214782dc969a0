#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace lorae::data {

/// A PNG of these pixels, which are not compressed, so that its bytes are the same everywhere.
/// Shape: [height, width, channels], 1 grey or 3 RGB.
std::string png_bytes(std::span<const std::uint8_t> pixels,
                      std::int64_t height,
                      std::int64_t width,
                      std::int64_t channels);

/// Writes a file and the folders above it; over what is there. For data that can be made again: no
/// wait for the disk. Errors: kUnavailable if it cannot be written.
void write_plain(const std::filesystem::path& path, std::string_view bytes);

}  // namespace lorae::data
