#pragma once

#include <string>

namespace lorae::transport {

/// Where something listens or dials: "tcp://host:port".
///
/// Checked here because libzmq takes port 99999 for 34463, and dials port 0 for ever.
struct Endpoint {
  /// A name, an IPv4 address, "[::1]", or "*" for all interfaces. Names mean IPv4: libzmq tries
  /// one address only, and for "localhost" that would be ::1, where nobody listens.
  std::string host;
  int port = 0;  ///< 0: any free one

  bool is_ipv6() const { return host.starts_with('['); }
  std::string text() const;

  /// Port "*" or 0 and host "*" are accepted. Errors: kInvalidConfig.
  static Endpoint to_listen(const std::string& text);
  /// Errors: kInvalidConfig.
  static Endpoint to_dial(const std::string& text);
  /// Where this machine dials a listener of its own: "0.0.0.0" and "*" become loopback.
  static Endpoint to_dial_here(const std::string& listening);
  /// What others may dial, for a message: "0.0.0.0", "[::]" and "*" become this machine's name.
  static std::string for_others(const std::string& listening);
};

}  // namespace lorae::transport
