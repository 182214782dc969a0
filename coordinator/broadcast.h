#pragma once

#include <deque>
#include <map>

#include "base/digest.h"
#include "base/ids.h"
#include "codec/chain.h"
#include "tensors/state_dict.h"

namespace lorae::coordinator {

/// What goes out: the global state as clients get it, and what they hold then. By a chain each gets
/// the whole state; on a lattice (codec/lattice.h) each gets the exact difference to what it has,
/// or to the start that the seed draws. Each object is encoded once. Threads: none.
class Broadcast {
 public:
  /// `state`: of version 0. `lattice`: states are of one; the chain is not used then. Errors:
  /// kInvalidConfig if `downlink` is a chain for changes, not for a whole state.
  Broadcast(codec::Chain downlink, const StateDict& state, bool lattice = false);

  /// What brings a client up to date.
  struct Offer {
    Digest object;  ///< of the bytes to fetch
    std::uint64_t bytes = 0;
    RoundId base = {};  ///< the version that they are a difference to; 0: whole, or to the start
    Digest state = {};  ///< of a lattice: of what clients hold then
  };
  /// `held`: the version that the client has, 0 for none. One that is too old counts as none.
  Offer offer(RoundId held);

  /// The bytes of an offer; nullptr if nothing on offer has this digest.
  const Bytes* find(const Digest& object) const;
  /// Bytes of each layer of such an object after each stage of its coding. Precondition: it is on
  /// offer.
  const std::vector<codec::StageBytes>& stages(const Digest& object) const;

  const codec::Layout& layout() const { return layout_; }
  /// The state as clients decode it: deltas are relative to it.
  const codec::Blocks& held() const { return held_; }

  /// `next`, of `version`, is the state from now on.
  void advance(const StateDict& next, RoundId version);

 private:
  struct Object {
    Digest digest;
    codec::Encoded encoded;
  };
  const Object& object_for(RoundId base);
  const Object* object_of(const Digest& digest) const;
  const codec::Blocks* state_of(RoundId version) const;

  codec::Chain chain_;
  codec::Layout layout_;
  bool lattice_;
  codec::Blocks start_;  // of a lattice
  codec::Blocks held_;
  Digest held_digest_;  // of a lattice
  RoundId version_;
  std::deque<std::pair<RoundId, codec::Blocks>> before_;  // of a lattice: newest last
  std::map<RoundId, Object> objects_;                     // of this version, by base
};

}  // namespace lorae::coordinator
