#pragma once

#include <array>
#include <memory>
#include <string>

#include "base/bytes.h"

namespace lorae {

/// A BLAKE2b-256 digest: the identity of bytes, for caching, comparing and verifying.
struct Digest {
  std::array<std::byte, 32> bytes{};

  std::string hex() const { return to_hex(bytes); }
  ByteView view() const { return bytes; }

  auto operator<=>(const Digest&) const = default;
};

/// Source: RFC 7693, computed by libsodium.
Digest digest_of(ByteView bytes);

/// The first half of a digest, where bytes count: enough to notice damage.
struct ShortDigest {
  std::array<std::byte, 16> bytes{};

  auto operator<=>(const ShortDigest&) const = default;
};
ShortDigest shortened(const Digest& digest);

/// Digests a stream piece by piece; the pieces' borders do not matter.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void add(ByteView bytes);
  void add(std::string_view text) { add(view_of(text)); }
  /// Ends the stream; call once.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lorae
