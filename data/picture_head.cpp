#include "data/picture_head.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

#include "base/text.h"
#include "data/exif.h"

namespace lorae::data {
namespace {

constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;
constexpr std::size_t kBlock = 4096;

/// Some bytes at a place of the file; fewer where it ends.
using Read = std::function<Bytes(std::size_t at, std::size_t size)>;

Error damaged(const std::string& why) {
  return {ErrorCode::kCorruptData, why};
}

unsigned byte_at(ByteView bytes, std::size_t i) {
  return std::to_integer<unsigned>(bytes[i]);
}

std::int64_t big(ByteView bytes, std::size_t at, std::size_t size) {
  std::int64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value = value << 8 | byte_at(bytes, at + i);
  }
  return value;
}

std::int64_t little(ByteView bytes, std::size_t at, std::size_t size) {
  std::int64_t value = 0;
  for (std::size_t i = size; i > 0; --i) {
    value = value << 8 | byte_at(bytes, at + i - 1);
  }
  return value;
}

bool begins(ByteView bytes, std::string_view with, std::size_t at = 0) {
  return bytes.size() >= at + with.size() && text_of(bytes).substr(at, with.size()) == with;
}

Result<PictureHead> finished(PictureHead head, std::int64_t height, std::int64_t width) {
  if (height <= 0 || width <= 0) {
    return damaged(str("it has ", width, " x ", height, " pixels"));
  }
  if (height > kMostPixels / width) {
    return damaged(str("it has ", width, " x ", height, " pixels, more than are read"));
  }
  head.size = {.height = height, .width = width};
  if (head.orientation >= 5) {
    std::swap(head.size.height, head.size.width);
  }
  return head;
}

/// Segment by segment up to the frame's, which has the size. Source: ITU-T T.81, annex B.
Result<PictureHead> jpeg_head(const Read& read) {
  constexpr std::string_view kExif("Exif\0\0", 6);
  PictureHead head;
  std::size_t at = 2;
  for (int segments = 0; segments < 1000; ++segments) {
    const Bytes start = read(at, 10);
    if (start.size() < 10) {
      break;
    }
    if (byte_at(start, 0) != 0xFF) {
      return damaged("its head is no JPEG's");
    }
    const unsigned marker = byte_at(start, 1);
    if (marker == 0xFF) {  // a byte that fills
      ++at;
      continue;
    }
    const auto size = static_cast<std::size_t>(big(start, 2, 2));
    const bool frame =
        marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame) {
      head.cmyk = byte_at(start, 9) == 4;
      return finished(head, big(start, 5, 2), big(start, 7, 2));
    }
    if (marker == 0xDA || marker == 0xD9 || size < 2) {
      return damaged("its head is no JPEG's");
    }
    if (marker == 0xE1) {
      const Bytes segment = read(at + 4, size - 2);
      if (begins(segment, kExif)) {
        head.orientation = exif_orientation(ByteView(segment).subspan(kExif.size()));
      }
    }
    at += 2 + size;
  }
  return damaged("it ends in its head");
}

/// Chunk by chunk up to the pixels: the first has the size, eXIf the orientation.
Result<PictureHead> png_head(const Read& read) {
  const Bytes start = read(0, 33);
  if (start.size() < 33 || !begins(start, "IHDR", 12)) {
    return damaged("it ends in its head");
  }
  PictureHead head;
  head.sixteen_bits = byte_at(start, 24) == 16;
  std::size_t at = 33;
  for (int chunks = 0; chunks < 1000; ++chunks) {
    const Bytes chunk = read(at, 8);
    if (chunk.size() < 8 || begins(chunk, "IDAT", 4)) {
      break;
    }
    const auto size = static_cast<std::size_t>(big(chunk, 0, 4));
    if (begins(chunk, "eXIf", 4)) {
      head.orientation = exif_orientation(read(at + 8, std::min<std::size_t>(size, 1 << 16)));
    }
    at += 12 + size;
  }
  return finished(head, big(start, 20, 4), big(start, 16, 4));
}

Result<PictureHead> bmp_head(ByteView start) {
  if (start.size() < 26) {
    return damaged("it ends in its head");
  }
  if (little(start, 14, 4) == 12) {
    return finished({}, little(start, 20, 2), little(start, 18, 2));
  }
  const auto height = static_cast<std::int32_t>(little(start, 22, 4));
  return finished({}, height < 0 ? -std::int64_t{height} : height, little(start, 18, 4));
}

/// Source: RFC 9649, sections 2.5 to 2.7.
Result<PictureHead> webp_head(ByteView start) {
  if (start.size() < 30) {
    return damaged("it ends in its head");
  }
  if (begins(start, "VP8X", 12)) {
    return finished({}, little(start, 27, 3) + 1, little(start, 24, 3) + 1);
  }
  if (begins(start, "VP8L", 12)) {
    const std::int64_t bits = little(start, 21, 4);
    return finished({}, ((bits >> 14) & 0x3FFF) + 1, (bits & 0x3FFF) + 1);
  }
  return finished({}, little(start, 28, 2) & 0x3FFF, little(start, 26, 2) & 0x3FFF);
}

/// "P6 # comment\n 640 480 255".
Result<PictureHead> pnm_head(ByteView start) {
  std::array<std::int64_t, 3> numbers{0, 0, 255};
  const bool bits = byte_at(start, 1) == '1' || byte_at(start, 1) == '4';
  std::size_t at = 2;
  for (std::size_t i = 0; i < (bits ? 2U : 3U); ++i) {
    bool comment = false;
    for (; at < start.size(); ++at) {
      const unsigned c = byte_at(start, at);
      comment = c == '#' || (comment && c != '\n');
      if (!comment && c >= '0' && c <= '9') {
        break;
      }
    }
    numbers.at(i) = 0;
    for (; at < start.size() && byte_at(start, at) >= '0' && byte_at(start, at) <= '9'; ++at) {
      numbers.at(i) = std::min(numbers.at(i) * 10 + byte_at(start, at) - '0', kMostPixels);
    }
  }
  PictureHead head;
  head.sixteen_bits = numbers[2] > 255;
  return finished(head, numbers[1], numbers[0]);
}

Result<PictureHead> head_of(const Read& read) {
  const Bytes start = read(0, 512);
  if (start.empty()) {
    return damaged("it is empty");
  }
  if (begins(start, "\xFF\xD8\xFF")) {
    return jpeg_head(read);
  }
  if (begins(start, "\x89PNG\r\n\x1A\n")) {
    return png_head(read);
  }
  if (begins(start, "BM")) {
    return bmp_head(start);
  }
  if (begins(start, "RIFF") && begins(start, "WEBP", 8)) {
    return webp_head(start);
  }
  if (start.size() > 2 && begins(start, "P") && byte_at(start, 1) >= '1' &&
      byte_at(start, 1) <= '6') {
    return pnm_head(start);
  }
  const bool others = begins(start, "II*") || begins(start, std::string_view("MM\0*", 4)) ||
                      begins(start, "jP  ", 4) || begins(start, "\xFF\x4F\xFF\x51");
  if (others) {
    return PictureHead{};
  }
  return damaged("it does not begin as a picture does");
}

/// Closes a file when it goes.
struct Descriptor {
  explicit Descriptor(const std::filesystem::path& path)
      : number(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~Descriptor() {
    if (number >= 0) {
      ::close(number);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number;
};

}  // namespace

Point upright(Point stored, unsigned orientation) {
  const auto [u, v] = stored;
  switch (orientation) {
    case 2:
      return {1 - u, v};
    case 3:
      return {1 - u, 1 - v};
    case 4:
      return {u, 1 - v};
    case 5:
      return {v, u};
    case 6:
      return {1 - v, u};
    case 7:
      return {1 - v, 1 - u};
    case 8:
      return {v, 1 - u};
    default:
      return stored;
  }
}

Result<PictureHead> picture_head_of(ByteView file) {
  return head_of([&](std::size_t at, std::size_t size) {
    at = std::min(at, file.size());
    return copy_of(file.subspan(at, std::min(size, file.size() - at)));
  });
}

Result<PictureHead> read_picture_head(const std::filesystem::path& path) {
  const Descriptor file(path);
  if (file.number < 0) {
    return Error(ErrorCode::kUnavailable, errno_text());
  }
  Bytes block;
  std::size_t begin = 0;
  const auto fetch = [&](std::size_t at, std::size_t size) {
    Bytes bytes(size);
    const ssize_t got = ::pread(file.number, bytes.data(), size, static_cast<off_t>(at));
    bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return bytes;
  };
  return head_of([&](std::size_t at, std::size_t size) {
    if (size > kBlock / 2) {
      return fetch(at, size);
    }
    if (block.empty() || at < begin || at + size > begin + block.size()) {
      begin = at;
      block = fetch(at, kBlock);
    }
    const std::size_t from = std::min(at - begin, block.size());
    return copy_of(ByteView(block).subspan(from, std::min(size, block.size() - from)));
  });
}

}  // namespace lorae::data
