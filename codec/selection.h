#pragma once

#include <cstdint>
#include <span>

#include "codec/stage.h"

namespace lorae::codec {

/// Which changes are sent. The others become zero; those of whole layers cost no bytes.
/// Threads: calls are concurrent.
class Selection {
 public:
  virtual ~Selection() = default;

  /// True if layer `index` is sent in this round. `sizes`: values of each layer.
  virtual bool sends(std::span<const std::size_t> /*sizes*/,
                     std::size_t /*index*/,
                     std::uint64_t /*round*/) const {
    return true;
  }

  /// Sets to zero what is not sent of a tensor.
  virtual void thin_(std::span<float> /*changes*/) const {}
};

/// The table of the place "selection"; a chain that names none sends all.
std::span<const StageEntry<Selection>> selections();

}  // namespace lorae::codec
