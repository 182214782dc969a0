#pragma once

#include "base/bytes.h"

namespace lorae::wire {

/// One message as it crosses a transport: a packed head and, for bulk data, raw bytes that are
/// moved and never parsed by the packing library. Units: bytes.
struct Frame {
  Bytes head;
  Bytes body;  ///< empty if the message has none

  /// What a process hands to its socket for this message: the ledger's "framed" bytes.
  std::size_t size() const noexcept { return head.size() + body.size(); }

  bool operator==(const Frame&) const = default;
};

}  // namespace lorae::wire
