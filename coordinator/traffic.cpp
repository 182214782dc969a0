#include "coordinator/traffic.h"

namespace lorae::coordinator {

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
