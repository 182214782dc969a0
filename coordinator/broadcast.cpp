#include "coordinator/broadcast.h"

#include <utility>

#include "adapters/blocks.h"
#include "base/error.h"

namespace lorae::coordinator {

Broadcast::Broadcast(codec::Chain downlink, const StateDict& state)
    : chain_(std::move(downlink)), layout_(adapters::layout_of(state)) {
  check(!chain_.delta(), ErrorCode::kInvalidConfig,
        "[codec] a whole state is sent, not a change: take 'delta' out of the downlink chain");
  advance(state);
}

Broadcast::Offer Broadcast::offer(RoundId /*held*/) const {
  return {.object = digest_, .bytes = encoded_.size(), .base = {}};
}

void Broadcast::advance(const StateDict& next) {
  codec::Blocks blocks = adapters::to_blocks(next);
  codec::Encoded encoded = chain_.encode_state(blocks);
  encoded_ = std::move(encoded.payload);
  stages_ = std::move(encoded.stages);
  digest_ = digest_of(encoded_);
  held_ =
      chain_.lossless() ? std::move(blocks) : chain_.decode_state(encoded_, layout_).value().blocks;
}

}  // namespace lorae::coordinator
