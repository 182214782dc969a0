#include "client/kept_file.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <vector>

#include "base/atomic_file.h"

namespace lorae::client {
namespace {

struct Header {
  std::uint64_t format;
  std::array<std::byte, 32> digest;
  std::array<std::byte, 32> whose;
};
static_assert(std::is_trivially_copyable_v<Header> && sizeof(Header) == 72);
constexpr std::size_t kDigested = offsetof(Header, whose);

}  // namespace

void write_kept(const std::filesystem::path& path,
                std::uint64_t format,
                const Digest& whose,
                std::span<const ByteView> body) {
  Header header{format, {}, whose.bytes};
  const ByteView head = std::as_bytes(std::span(&header, 1));
  Hasher hasher;
  hasher.add(head.subspan(kDigested));
  for (const ByteView piece : body) {
    hasher.add(piece);
  }
  header.digest = hasher.finish().bytes;
  std::vector<ByteView> pieces{head};
  pieces.insert(pieces.end(), body.begin(), body.end());
  write_file_atomic(path, pieces);
}

std::optional<Bytes> read_kept(const std::filesystem::path& path,
                               std::uint64_t format,
                               const Digest& whose) {
  std::error_code status;
  if (!std::filesystem::is_regular_file(path, status)) {
    return std::nullopt;
  }
  Bytes bytes = read_file(path);
  Header header{};
  if (bytes.size() < sizeof header) {
    return std::nullopt;
  }
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.format != format || header.whose != whose.bytes ||
      header.digest != digest_of(ByteView(bytes).subspan(kDigested)).bytes) {
    return std::nullopt;
  }
  bytes.erase(bytes.begin(), bytes.begin() + sizeof header);
  return bytes;
}

}  // namespace lorae::client
