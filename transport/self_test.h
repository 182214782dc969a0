#pragma once

#include <string>

#include "base/clock.h"

namespace lorae::transport {

/// Proves that a server of ours turns strangers away: dials it once with a fresh key that nobody
/// enrolled and once without encryption, and wants to see both refused.
///
/// A completed handshake counts as an answer: without one no frame can be delivered, so this
/// needs no help from the server's side and honest clients that connect meanwhile do not disturb.
/// Returns as soon as both are refused, in milliseconds. It shows up as one denial.
/// Errors: kUnavailable if a stranger was answered, or if within `patience` neither happened.
void refuse_if_open(const std::string& endpoint,
                    const std::string& server_public_key,
                    Duration patience = std::chrono::seconds(10));

}  // namespace lorae::transport
