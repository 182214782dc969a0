#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "runs/journal.h"

namespace lorae::coordinator {

// The ledger's words for bytes that belong to no layer of the model.
inline constexpr const char* kLayerControl = "(control)";
inline constexpr const char* kLayerModel = "(model)";
inline constexpr const char* kLayerUpdate = "(update)";
inline constexpr const char* kLayerBackbone = "(backbone)";
inline constexpr const char* kStageRaw = "raw";
inline constexpr const char* kStageEncoded = "encoded";
inline constexpr const char* kStageFramed = "framed";

/// Framed bytes counted since the last time they were written to the journal.
class Traffic {
 public:
  void count(const ClientId& client,
             runs::Direction direction,
             const char* layer,
             std::size_t bytes) {
    counted_[client][{direction, layer}] += static_cast<std::int64_t>(bytes);
  }

  /// Adds all counts to the journal under `round`. If that throws, they are kept for next time.
  void write(runs::Journal& journal, RoundId round) const;
  void clear() { counted_.clear(); }

 private:
  std::map<ClientId, std::map<std::pair<runs::Direction, std::string>, std::int64_t>> counted_;
};

}  // namespace lorae::coordinator
