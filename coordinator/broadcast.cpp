#include "coordinator/broadcast.h"

#include <algorithm>
#include <utility>

#include "adapters/blocks.h"
#include "base/error.h"
#include "codec/lattice.h"

namespace lorae::coordinator {
namespace {

constexpr std::size_t kKept = 16;             // versions before this one that differences begin at
constexpr std::size_t kKeptBytes = 64 << 20;  // of all of them, but one is kept in any case

std::size_t bytes_of(const codec::Blocks& blocks) {
  std::size_t bytes = 0;
  for (const codec::Block& block : blocks) {
    bytes += block.values.size() * sizeof(float);
  }
  return bytes;
}

}  // namespace

Broadcast::Broadcast(codec::Chain downlink, const StateDict& state, bool lattice)
    : chain_(std::move(downlink)), layout_(adapters::layout_of(state)), lattice_(lattice) {
  check(!chain_.delta(), ErrorCode::kInvalidConfig,
        "[codec] a whole state is sent, not a change: take 'delta' out of the downlink chain");
  if (lattice_) {
    start_ = adapters::to_blocks(state);
  }
  advance(state, RoundId{0});
}

Broadcast::Offer Broadcast::offer(RoundId held) {
  const bool known = lattice_ && held > RoundId{0} && state_of(held) != nullptr;
  const RoundId base = known ? held : RoundId{0};
  const Object& object = object_for(base);
  return {.object = object.digest,
          .bytes = object.encoded.payload.size(),
          .base = base,
          .state = held_digest_};
}

const codec::Blocks* Broadcast::state_of(RoundId version) const {
  if (version == version_) {
    return &held_;
  }
  const auto found =
      std::ranges::find(before_, version, [](const auto& entry) { return entry.first; });
  return found == before_.end() ? nullptr : &found->second;
}

const Broadcast::Object& Broadcast::object_for(RoundId base) {
  auto known = objects_.find(base);
  if (known == objects_.end()) {
    Object object;
    object.encoded =
        lattice_ ? codec::encode_difference(base == RoundId{0} ? start_ : *state_of(base), held_)
                 : chain_.encode_state(held_);
    object.digest = digest_of(object.encoded.payload);
    known = objects_.emplace(base, std::move(object)).first;
  }
  return known->second;
}

const Broadcast::Object* Broadcast::object_of(const Digest& digest) const {
  const auto found = std::ranges::find_if(
      objects_, [&](const auto& entry) { return entry.second.digest == digest; });
  return found == objects_.end() ? nullptr : &found->second;
}

const Bytes* Broadcast::find(const Digest& object) const {
  const Object* known = object_of(object);
  return known == nullptr ? nullptr : &known->encoded.payload;
}

const std::vector<codec::StageBytes>& Broadcast::stages(const Digest& object) const {
  const Object* known = object_of(object);
  check(known != nullptr, ErrorCode::kInvalidArgument, "[broadcast] that object is not on offer");
  return known->encoded.stages;
}

void Broadcast::advance(const StateDict& next, RoundId version) {
  if (lattice_ && version > RoundId{0}) {
    before_.emplace_back(version_, std::move(held_));
    const std::size_t each = std::max<std::size_t>(bytes_of(before_.back().second), 1);
    const std::size_t most = std::clamp<std::size_t>(kKeptBytes / each, 1, kKept);
    while (before_.size() > most) {
      before_.pop_front();
    }
  }
  version_ = version;
  objects_.clear();
  held_ = adapters::to_blocks(next);
  if (lattice_) {
    held_digest_ = codec::digest_of(held_);
  }
  if (!lattice_ && !chain_.lossless()) {  // deltas are relative to what clients decode
    held_ = chain_.decode_state(object_for(RoundId{0}).encoded.payload, layout_).value().blocks;
  }
}

}  // namespace lorae::coordinator
