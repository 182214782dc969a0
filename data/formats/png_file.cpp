#include "data/formats/png_file.h"

#include <zlib.h>

#include <algorithm>
#include <fstream>

#include "base/error.h"

namespace lorae::data {
namespace {

void big_endian(std::string& to, std::uint64_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    to += static_cast<char>(value >> shift & 255U);
  }
}

const Bytef* bytes_at(const std::string& text, std::size_t at = 0) {
  return reinterpret_cast<const Bytef*>(text.data()) + at;
}

void chunk(std::string& to, std::string_view name, std::string_view body) {
  big_endian(to, body.size());
  const std::size_t begin = to.size();
  to += name;
  to += body;
  big_endian(to, ::crc32(0, bytes_at(to, begin), static_cast<uInt>(to.size() - begin)));
}

/// zlib's format with blocks that are stored. Source: RFC 1950, RFC 1951 section 3.2.4.
std::string stored(const std::string& data) {
  constexpr std::size_t kBlock = 65535;
  std::string out("\x78\x01", 2);
  for (std::size_t at = 0; at < data.size() || at == 0; at += kBlock) {
    const std::size_t size = std::min(kBlock, data.size() - at);
    out += at + size == data.size() ? '\1' : '\0';
    for (const std::size_t value : {size, ~size}) {
      out += static_cast<char>(value & 255U);
      out += static_cast<char>(value >> 8U & 255U);
    }
    out.append(data, at, size);
  }
  big_endian(out, ::adler32(1, bytes_at(data), static_cast<uInt>(data.size())));
  return out;
}

}  // namespace

std::string png_bytes(std::span<const std::uint8_t> pixels,
                      std::int64_t height,
                      std::int64_t width,
                      std::int64_t channels) {
  std::string head, rows;
  big_endian(head, static_cast<std::uint64_t>(width));
  big_endian(head, static_cast<std::uint64_t>(height));
  head += '\x08';
  head += channels == 3 ? '\2' : '\0';
  head.append(3, '\0');
  const auto row = static_cast<std::size_t>(width * channels);
  for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y) {
    rows += '\0';
    rows.append(reinterpret_cast<const char*>(pixels.data()) + y * row, row);
  }
  std::string png("\x89PNG\r\n\x1A\n", 8);
  chunk(png, "IHDR", head);
  chunk(png, "IDAT", stored(rows));
  chunk(png, "IEND", {});
  return png;
}

void write_plain(const std::filesystem::path& path, std::string_view bytes) {
  std::error_code status;
  std::filesystem::create_directories(path.parent_path(), status);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), std::ssize(bytes));
  file.close();
  check(file.good(), ErrorCode::kUnavailable, "[data] cannot write '", path.string(),
        "': ", errno_text());
}

}  // namespace lorae::data
