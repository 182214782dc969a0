#include "coordinator/traffic.h"

#include <utility>

#include "transport/overhead.h"

namespace lorae::coordinator {

MessageBytes bytes_of(const wire::Frame& frame) {
  return {static_cast<std::int64_t>(frame.size()), transport::sent_bytes(frame)};
}

void Traffic::count(const ClientId& client,
                    runs::Direction direction,
                    const char* layer,
                    const MessageBytes& bytes) {
  auto& counted = counted_[client];
  counted[{direction, layer, kStageFramed}] += bytes.framed;
  counted[{direction, layer, kStageSent}] += bytes.sent;
}

void Traffic::spoke(const ClientId& client, transport::ConnectionId connection) {
  if (std::exchange(connections_[client], connection) != connection) {
    auto& counted = counted_[client];
    counted[{runs::Direction::kUplink, runs::kLayerConnection, kStageSent}] +=
        transport::kHandshakeUp;
    counted[{runs::Direction::kDownlink, runs::kLayerConnection, kStageSent}] +=
        transport::kHandshakeDown;
  }
}

void Traffic::count(const ClientId& client,
                    runs::Direction direction,
                    const std::vector<codec::StageBytes>& layers) {
  auto& counted = counted_[client];
  for (const codec::StageBytes& layer : layers) {
    for (const auto& [stage, bytes] : layer.bytes) {
      counted[{direction, layer.layer, std::string(stage)}] += bytes;
    }
  }
}

void Traffic::write(runs::Journal& journal, RoundId round) const {
  for (const auto& [client, layers] : counted_) {
    std::vector<runs::BytesEntry> entries;
    for (const auto& [key, bytes] : layers) {
      const auto& [direction, layer, stage] = key;
      entries.push_back({direction, layer, stage, bytes});
    }
    journal.add_bytes(round, client, entries);
  }
}

}  // namespace lorae::coordinator
