#pragma once

#include <cstdint>

#include "wire/frame.h"

// What ZMTP 3.1 with CURVE adds to frames and connections, by formula: libzmq does not count it.
// TCP and IP are below, and not in it. Units: bytes.
// Source: rfc.zeromq.org 23/ZMTP, 26/CURVEZMQ; tests/integration/ledger_test.cpp against a relay.
namespace lorae::transport {

/// Of a frame as a connection carries it: an encrypted message of one part, or of two with a body.
std::int64_t sent_bytes(const wire::Frame& frame);

/// Of a connection's handshake, as libzmq 4.3.4 does it for a DEALER and a ROUTER.
extern const std::int64_t kHandshakeUp, kHandshakeDown;

}  // namespace lorae::transport
