#include "coordinator/traffic.h"

namespace lorae::coordinator {

void Traffic::write(runs::Journal& journal, RoundId round) const {
  for (const auto& [client, layers] : counted_) {
    std::vector<runs::BytesEntry> entries;
    for (const auto& [key, bytes] : layers) {
      entries.push_back({key.first, key.second, kStageFramed, bytes});
    }
    journal.add_bytes(round, client, entries);
  }
}

}  // namespace lorae::coordinator
