#include "transport/link.h"

#include <utility>

#include "base/str.h"
#include "transport/socket.h"

namespace lorae::transport {
namespace {

constexpr int kRefusalsToTell = 3;
constexpr int kFailedDialsToTell = 2;

}  // namespace

Link::Step Link::on_event(int kind, TimePoint now) {
  switch (kind) {
    case ZMQ_EVENT_CONNECTED:
      tcp_connected_ = now;
      failed_dials_ = 0;
      return {};
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      connected_ = true;
      reported_down_ = false;
      refusals_ = 0;
      return {LinkEvent::kConnected, str("connected to the coordinator at ", endpoint_), false};
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      return {LinkEvent::kDenied,
              str("the coordinator at ", endpoint_, " does not know this client's key, or it was ",
                  "revoked; on the coordinator run: lorae enrol NAME '", public_key_,
                  "'; then this client gets in by itself"),
              true};
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      return {LinkEvent::kWrongServer,
              str("what answers at ", endpoint_, " is not a LoRAE coordinator; check the address ",
                  "and the port"),
              true};
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      return on_refusal(now);
    case ZMQ_EVENT_DISCONNECTED:
      return connected_ ? on_lost(str("lost the connection to the coordinator at ", endpoint_,
                                      "; dialling again"))
                        : Step{};
    case ZMQ_EVENT_CONNECT_RETRIED:
      if (++failed_dials_ >= kFailedDialsToTell && !reported_down_) {
        return on_lost(str("cannot reach the coordinator at ", endpoint_,
                           "; is it running, and is the address right? dialling again"));
      }
      return {};
    default:
      return {};
  }
}

Link::Step Link::on_redial() {
  return connected_ ? on_lost(str("hung up on the coordinator at ", endpoint_, "; dialling again"))
                    : Step{};
}

Link::Step Link::on_refusal(TimePoint now) {
  // A handshake that ran out of time is a slow coordinator, not another one.
  const bool broken_off =
      now - tcp_connected_ < std::chrono::milliseconds(kHandshakeMilliseconds / 2);
  if (!broken_off || ++refusals_ < kRefusalsToTell) {
    return {};
  }
  return {LinkEvent::kWrongServer,
          str("the coordinator at ", endpoint_, " breaks off the handshake: it does not hold the ",
              "key that this client was given; compare its public key with this client's copy"),
          true};
}

Link::Step Link::on_lost(std::string detail) {
  connected_ = false;
  reported_down_ = true;
  return {LinkEvent::kDisconnected, std::move(detail), false};
}

}  // namespace lorae::transport
