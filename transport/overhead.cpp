#include "transport/overhead.h"

namespace lorae::transport {
namespace {

constexpr std::int64_t kGreeting = 64;
constexpr std::int64_t kMetadata = 35;  // Socket-Type and an empty Identity

/// A command or an encrypted part: a header of 2 bytes, or of 9 before a body beyond 255.
constexpr std::int64_t framed(std::int64_t body) {
  return (body <= 255 ? 2 : 9) + body;
}

constexpr std::int64_t part(std::int64_t size) {
  constexpr std::int64_t kCommandAndNonce = 8 + 8, kMac = 16, kFlags = 1;
  return framed(kCommandAndNonce + kMac + kFlags + size);
}

}  // namespace

std::int64_t sent_bytes(const wire::Frame& frame) {
  const auto size = [](const Bytes& bytes) { return static_cast<std::int64_t>(bytes.size()); };
  return part(size(frame.head)) + (frame.body.empty() ? 0 : part(size(frame.body)));
}

const std::int64_t kHandshakeUp = kGreeting + framed(200) + framed(257 + kMetadata);
const std::int64_t kHandshakeDown = kGreeting + framed(168) + framed(30 + kMetadata);

}  // namespace lorae::transport
