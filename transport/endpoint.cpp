#include "transport/endpoint.h"

#include <unistd.h>

#include <array>
#include <charconv>

#include "base/error.h"

namespace lorae::transport {
namespace {

constexpr std::string_view kScheme = "tcp://";

Endpoint parse(const std::string& text, std::string_view example) {
  const auto malformed = [&](std::string_view why) {
    fail(ErrorCode::kInvalidConfig, "[transport] endpoint '", text, "': ", why,
         "; expected something like ", example);
  };
  if (!text.starts_with(kScheme)) {
    malformed("does not start with tcp://");
  }
  const std::size_t colon = text.rfind(':');
  const std::string host =
      text.substr(kScheme.size(), std::max(colon, kScheme.size()) - kScheme.size());
  if (colon < kScheme.size() || host.empty()) {
    malformed("has no port");
  }
  const bool brackets = host.front() == '[' && host.back() == ']';
  if (!brackets && host.find_first_of(":[] /;") != std::string::npos) {
    malformed("has a malformed host");
  }
  const std::string port = text.substr(colon + 1);
  if (port == "*") {
    return {host, 0};
  }
  int number = -1;
  const char* const end = port.data() + port.size();
  const auto [stop, status] = std::from_chars(port.data(), end, number);
  if (status != std::errc() || stop != end || number < 0 || number > 65'535) {
    malformed("has a port that is not a number from 0 to 65535");
  }
  return {host, number};
}

}  // namespace

std::string Endpoint::text() const {
  return str(kScheme, host, ':', port);
}

Endpoint Endpoint::to_listen(const std::string& text) {
  return parse(text, "tcp://0.0.0.0:7227 or tcp://127.0.0.1:*");
}

Endpoint Endpoint::to_dial(const std::string& text) {
  constexpr std::string_view kExample = "tcp://coordinator.example.org:7227";
  Endpoint endpoint = parse(text, kExample);
  check(endpoint.port != 0 && endpoint.host != "*", ErrorCode::kInvalidConfig,
        "[transport] endpoint '", text, "' is a wildcard, which nobody can dial; expected ",
        "something like ", kExample);
  return endpoint;
}

Endpoint Endpoint::to_dial_here(const std::string& listening) {
  Endpoint endpoint = parse(listening, "tcp://127.0.0.1:7227");
  if (endpoint.host == "*" || endpoint.host == "0.0.0.0") {
    endpoint.host = "127.0.0.1";
  } else if (endpoint.host == "[::]") {
    endpoint.host = "[::1]";
  }
  return to_dial(endpoint.text());
}

std::string Endpoint::for_others(const std::string& listening) {
  Endpoint endpoint = parse(listening, "tcp://127.0.0.1:7227");
  if (endpoint.host == "*" || endpoint.host == "0.0.0.0" || endpoint.host == "[::]") {
    std::array<char, 256> name{};
    const bool known = ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0';
    endpoint.host = known ? name.data() : "THIS-MACHINE";
  }
  return endpoint.text();
}

}  // namespace lorae::transport
