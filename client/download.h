#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "client/object_buffer.h"
#include "wire/messages.h"

namespace lorae::client {

/// Fetches one object in chunks, a few requests ahead, and verifies it by its digest.
///
/// Chunks arrive in order or not at all; after a loss `restart_requests` asks again for what is
/// missing and nothing else. A wrong digest starts the object again from nothing.
class Download {
 public:
  /// `into`: where others may fetch the same object; nullptr: a buffer of its own.
  /// Precondition: chunk > 0, window > 0.
  Download(const Digest& object,
           std::uint64_t size,
           std::uint64_t chunk,
           std::uint64_t window,
           std::shared_ptr<ObjectBuffer> into = nullptr);

  /// The requests to send now.
  std::vector<wire::Get> take_requests(SessionId session);
  void on_chunk(wire::Chunk chunk);
  void restart_requests();

  /// The whole object once it is here and verified, else nullptr. To be read only, if others
  /// fetched it into the same buffer.
  std::shared_ptr<Bytes> take_finished();
  const Digest& object() const { return object_; }

 private:
  void start_over();

  Digest object_;
  std::uint64_t size_;
  std::uint64_t chunk_;
  std::uint64_t window_;
  std::uint64_t requested_ = 0;  // offset up to which requests are on their way
  std::uint64_t received_ = 0;
  std::shared_ptr<ObjectBuffer> into_;
  std::unique_ptr<Hasher> hasher_;  // of what was received, so that the end takes no time
};

}  // namespace lorae::client
