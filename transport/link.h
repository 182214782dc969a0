#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "transport/channel.h"

namespace lorae::transport {

/// Reads a client's connection out of libzmq's monitor events, without sockets or a clock.
///
/// What libzmq 4.3.4 shows (measured): an unknown key is HANDSHAKE_FAILED_AUTH and then silence
/// for ever; a peer that is no CURVE server is HANDSHAKE_FAILED_PROTOCOL and silence; a server
/// with another key just hangs up, HANDSHAKE_FAILED_NO_DETAIL, as does one that is going down,
/// so that takes three in a row to tell. A server of another kind that
/// answers, as SSH and HTTP do, is CONNECTED, DISCONNECTED and silence; one that waits for its own
/// kind of peer is CONNECTED and silence, so a handshake has a time here, too.
class Link {
 public:
  struct Step {
    std::optional<LinkEvent> report;
    std::string detail;    ///< a sentence to act on, with the report
    bool hang_up = false;  ///< libzmq will not dial again, or should not: recreate the socket
  };

  Link(std::string endpoint, std::string public_key)
      : endpoint_(std::move(endpoint)), public_key_(std::move(public_key)) {}

  /// `kind`: one of ZMQ_EVENT_*.
  Step on_event(int kind, TimePoint now);
  /// We hung up ourselves, to dial anew.
  Step on_redial();
  /// When `on_time` is to be called, if nothing else happens before.
  std::optional<TimePoint> deadline() const;
  Step on_time(TimePoint now);

  bool connected() const noexcept { return connected_; }

 private:
  Step on_refusal(TimePoint now);
  Step on_other_server();
  Step on_lost(std::string detail);

  std::string endpoint_;
  std::string public_key_;
  bool connected_ = false;
  bool reported_down_ = false;  // in this outage
  int refusals_ = 0;            // handshakes that the peer broke off, in a row
  int failed_dials_ = 0;        // in a row
  bool shaking_hands_ = false;
  TimePoint tcp_connected_{};
};

}  // namespace lorae::transport
