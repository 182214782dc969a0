#pragma once

#include "base/digest.h"
#include "base/ids.h"
#include "codec/chain.h"
#include "tensors/state_dict.h"

namespace lorae::coordinator {

/// What goes out: the global state as clients get it, and what they hold then. Threads: none.
class Broadcast {
 public:
  /// Errors: kInvalidConfig if `downlink` is a chain for changes, not for a whole state.
  Broadcast(codec::Chain downlink, const StateDict& state);

  /// What brings a client up to date.
  struct Offer {
    Digest object;  ///< of the bytes to fetch
    std::uint64_t bytes = 0;
    RoundId base = {};  ///< the version that they are a difference to; 0: a whole state
  };
  /// `held`: the version that the client has, 0 for none. Today each gets the whole state.
  Offer offer(RoundId held) const;

  /// The bytes of an offer; nullptr if nothing on offer has this digest.
  const Bytes* find(const Digest& object) const { return object == digest_ ? &encoded_ : nullptr; }
  /// Bytes of each layer of such an object after each stage of the chain.
  const std::vector<codec::StageBytes>& stages() const { return stages_; }

  const codec::Layout& layout() const { return layout_; }
  /// The state as clients decode it: deltas are relative to it.
  const codec::Blocks& held() const { return held_; }

  /// `next` is the state from now on.
  void advance(const StateDict& next);

 private:
  codec::Chain chain_;
  codec::Layout layout_;
  Bytes encoded_;
  Digest digest_;
  std::vector<codec::StageBytes> stages_;
  codec::Blocks held_;
};

}  // namespace lorae::coordinator
