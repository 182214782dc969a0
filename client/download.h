#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "wire/messages.h"

namespace lorae::client {

/// Fetches one object in chunks, a few requests ahead, and verifies it by its digest.
///
/// Chunks arrive in order or not at all; after a loss `restart_requests` asks again for what is
/// missing and nothing else. A wrong digest starts the object again from nothing.
class Download {
 public:
  /// Precondition: chunk > 0, window > 0.
  Download(const Digest& object, std::uint64_t size, std::uint64_t chunk, std::uint64_t window);

  /// The requests to send now.
  std::vector<wire::Get> take_requests(SessionId session);
  void on_chunk(wire::Chunk chunk);
  void restart_requests();

  /// The whole object once it is here and verified.
  std::optional<Bytes> take_finished();
  const Digest& object() const { return object_; }

 private:
  Digest object_;
  std::uint64_t size_;
  std::uint64_t chunk_;
  std::uint64_t window_;
  std::uint64_t requested_ = 0;  // offset up to which requests are on their way
  Bytes received_;
  std::unique_ptr<Hasher> hasher_;  // of what was received, so that the end takes no time
};

}  // namespace lorae::client
