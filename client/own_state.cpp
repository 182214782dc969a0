#include "client/own_state.h"

#include <array>
#include <cstddef>
#include <cstring>

#include "base/atomic_file.h"
#include "base/digest.h"

namespace lorae::client {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFormat = 1;

/// The fixed part of a file; then the state.
struct Header {
  std::uint64_t format;
  std::array<std::byte, 32> digest;  // of everything behind it
  std::array<std::byte, 32> run;     // digest of its name
  std::uint64_t round;
};
static_assert(std::is_trivially_copyable_v<Header> && sizeof(Header) == 80);
constexpr std::size_t kDigested = offsetof(Header, run);

struct Held {
  RoundId round;
  Bytes state;
};

std::optional<Held> read(const fs::path& file, const std::string& run) {
  std::error_code status;
  if (!fs::is_regular_file(file, status)) {
    return std::nullopt;
  }
  const Bytes bytes = read_file(file);
  Header header{};
  if (bytes.size() < sizeof header) {
    return std::nullopt;
  }
  std::memcpy(&header, bytes.data(), sizeof header);
  const ByteView all(bytes);
  if (header.format != kFormat || header.run != digest_of(view_of(run)).bytes ||
      header.digest != digest_of(all.subspan(kDigested)).bytes) {
    return std::nullopt;
  }
  return Held{RoundId{header.round}, copy_of(all.subspan(sizeof header))};
}

}  // namespace

std::optional<Bytes> OwnState::find(const std::string& run, RoundId counted) {
  if (auto held = read(next(), run); held && held->round == counted) {
    std::error_code ignored;  // lost in a crash, or failed: it is found as the next one again
    fs::rename(next(), current(), ignored);
    return std::move(held->state);
  }
  auto held = read(current(), run);
  return held && held->round == counted ? std::optional(std::move(held->state)) : std::nullopt;
}

std::optional<Bytes> OwnState::newest(const std::string& run) const {
  for (const fs::path& file : {next(), current()}) {
    if (auto held = read(file, run)) {
      return std::move(held->state);
    }
  }
  return std::nullopt;
}

void OwnState::keep(const std::string& run, RoundId round, ByteView state) {
  ensure_directory(folder_);
  Header header{kFormat, {}, digest_of(view_of(run)).bytes, round.value};
  const auto head = std::as_bytes(std::span(&header, 1));
  Hasher hasher;
  hasher.add(head.subspan(kDigested));
  hasher.add(state);
  header.digest = hasher.finish().bytes;
  const std::array pieces{head, state};
  write_file_atomic(next(), std::span<const ByteView>(pieces));
}

}  // namespace lorae::client
