#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace lorae::client {

/// The bytes of an object as they come, from its beginning. Several downloads in one process may
/// fill one: what is there already is compared, not kept again. Threads: that of its downloads; a
/// whole one is only read.
class ObjectBuffer {
 public:
  /// Units: bytes.
  explicit ObjectBuffer(std::uint64_t size) : size_(size) {}

  /// `body` as what follows `offset`. False if other bytes are there, if those before `offset` are
  /// not here yet, or if it is longer than the object; then nothing has changed.
  bool put(std::uint64_t offset, ByteView body);

  Bytes& bytes() { return bytes_; }

 private:
  std::uint64_t size_;
  Bytes bytes_;
};

}  // namespace lorae::client
