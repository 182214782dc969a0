#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/ids.h"
#include "codec/chain.h"
#include "runs/journal.h"
#include "transport/channel.h"

namespace lorae::coordinator {

using runs::kLayerBackbone;
using runs::kLayerControl;
using runs::kLayerHeartbeat;
using runs::kLayerModel;
using runs::kLayerUpdate;
using runs::kStageFramed;
using runs::kStageSent;

/// What a message takes. Units: bytes.
struct MessageBytes {
  std::int64_t framed = 0;  ///< as a process hands it to its socket
  std::int64_t sent = 0;    ///< as a connection carries it: transport/overhead.h
};
MessageBytes bytes_of(const wire::Frame& frame);

/// Bytes counted since the last time they were written to the journal.
class Traffic {
 public:
  /// A message.
  void count(const ClientId& client,
             runs::Direction direction,
             const char* layer,
             const MessageBytes& bytes);
  /// The client spoke on this connection; the handshake of a new one is counted.
  void spoke(const ClientId& client, transport::ConnectionId connection);
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
  std::map<ClientId, transport::ConnectionId> connections_;  // the last one of each
};

}  // namespace lorae::coordinator
