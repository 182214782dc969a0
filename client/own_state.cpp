#include "client/own_state.h"

#include <array>
#include <cstring>

#include "base/atomic_file.h"
#include "client/kept_file.h"

namespace lorae::client {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFormat = 1;

struct Held {
  RoundId round;
  Bytes state;
};

/// Of a file whose body is the round and the state.
std::optional<Held> read(const fs::path& file, const std::string& run) {
  auto body = read_kept(file, kFormat, digest_of(view_of(run)));
  Held held;
  if (!body || body->size() < sizeof held.round.value) {
    return std::nullopt;
  }
  std::memcpy(&held.round.value, body->data(), sizeof held.round.value);
  held.state = copy_of(ByteView(*body).subspan(sizeof held.round.value));
  return held;
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
  const std::array body{std::as_bytes(std::span(&round.value, 1)), state};
  write_kept(next(), kFormat, digest_of(view_of(run)), std::span<const ByteView>(body));
}

}  // namespace lorae::client
