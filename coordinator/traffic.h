#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/ids.h"
#include "codec/chain.h"
#include "runs/journal.h"

namespace lorae::coordinator {

using runs::kLayerBackbone;
using runs::kLayerControl;
using runs::kLayerModel;
using runs::kLayerUpdate;
using runs::kStageFramed;

/// Bytes counted since the last time they were written to the journal.
class Traffic {
 public:
  /// A message.
  void count(const ClientId& client,
             runs::Direction direction,
             const char* layer,
             std::size_t bytes) {
    counted_[client][{direction, layer, kStageFramed}] += static_cast<std::int64_t>(bytes);
  }
  /// The layers of an object, after each stage of its chain.
  void count(const ClientId& client,
             runs::Direction direction,
             const std::vector<codec::StageBytes>& layers);

  /// Adds all counts to the journal under `round`. If that throws, they are kept for next time.
  void write(runs::Journal& journal, RoundId round) const;
  void clear() { counted_.clear(); }

 private:
  using Key = std::tuple<runs::Direction, std::string, std::string>;  // layer, stage
  std::map<ClientId, std::map<Key, std::int64_t>> counted_;
};

}  // namespace lorae::coordinator
