#include "transport/link.h"

#include <utility>

#include "base/str.h"
#include "transport/socket.h"

namespace lorae::transport {
namespace {

constexpr int kRefusalsToTell = 3;
constexpr int kFailedDialsToTell = 2;
constexpr auto kHandshakeToTell = std::chrono::seconds(5);  // ours take milliseconds

}  // namespace

Link::Step Link::on_event(int kind, TimePoint now) {
  const bool in_handshake = std::exchange(shaking_hands_, kind == ZMQ_EVENT_CONNECTED);
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
      return on_other_server();
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      return on_refusal(now);
    case ZMQ_EVENT_DISCONNECTED:
      if (in_handshake) {
        return on_other_server();
      }
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

std::optional<TimePoint> Link::deadline() const {
  return shaking_hands_ ? std::optional(tcp_connected_ + kHandshakeToTell) : std::nullopt;
}

Link::Step Link::on_time(TimePoint now) {
  if (!shaking_hands_ || now < tcp_connected_ + kHandshakeToTell) {
    return {};
  }
  return on_other_server();
}

Link::Step Link::on_other_server() {
  shaking_hands_ = false;
  return {LinkEvent::kWrongServer,
          str("what listens at ", endpoint_, " is not a LoRAE coordinator: it does not answer as ",
              "one; check the address and the port; trying again"),
          true};
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
              "key that this client was given, or is no LoRAE coordinator; compare its public key ",
              "with this client's copy, and check the address and the port"),
          true};
}

Link::Step Link::on_lost(std::string detail) {
  connected_ = false;
  reported_down_ = true;
  return {LinkEvent::kDisconnected, std::move(detail), false};
}

}  // namespace lorae::transport
