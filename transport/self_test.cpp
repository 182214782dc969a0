#include "transport/self_test.h"

#include <algorithm>

#include "base/error.h"
#include "transport/endpoint.h"
#include "transport/monitor.h"
#include "transport/socket.h"

namespace lorae::transport {
namespace {

enum class Answer { kServed, kTurnedAway, kNothing };

/// What the server's behaviour means for a stranger with a key, or without.
Answer judge(int event, bool has_key) {
  switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      return Answer::kServed;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      return Answer::kTurnedAway;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      // For a key these are no verdict of the allow-list: it was not asked.
      return has_key ? Answer::kNothing : Answer::kTurnedAway;
    default:
      return Answer::kNothing;
  }
}

Answer dial(const Endpoint& endpoint,
            const KeyPair* keys,
            std::string_view server_public_key,
            TimePoint deadline) {
  zmq::socket_t dealer = make_socket(zmq::socket_type::dealer);
  Monitor monitor(dealer);
  set_peer_options(dealer, {.max_frame_bytes = 1024});
  set_option(dealer, zmq::sockopt::ipv6, endpoint.is_ipv6(), "IPV6");
  if (keys != nullptr) {
    set_client_keys(dealer, *keys, server_public_key);
  }
  try {
    uninterrupted([&] { dealer.connect(endpoint.text()); });
  } catch (const zmq::error_t& error) {
    fail(ErrorCode::kUnavailable, "[transport] self-test: cannot dial ", endpoint.text(), ": ",
         error.what());
  }
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) {
      return Answer::kNothing;
    }
    zmq::pollitem_t item{monitor.handle(), 0, ZMQ_POLLIN, 0};
    poll({&item, 1}, left);
    while (const auto event = monitor.next()) {
      const Answer answer = judge(*event, keys != nullptr);
      if (answer != Answer::kNothing) {
        return answer;
      }
    }
  }
}

void expect_turned_away(Answer answer, const Endpoint& endpoint, std::string_view stranger) {
  check(answer != Answer::kServed, ErrorCode::kUnavailable, "[transport] self-test: a client with ",
        stranger, " was answered by ", endpoint.text(),
        "; the coordinator is open to everybody and must not run");
  check(answer == Answer::kTurnedAway, ErrorCode::kUnavailable,
        "[transport] self-test: a client with ", stranger, " was neither answered nor turned ",
        "away by ", endpoint.text(),
        "; is the machine overloaded, or the server's key another one?");
}

}  // namespace

void refuse_if_open(const std::string& endpoint,
                    const std::string& server_public_key,
                    Duration patience) {
  const Endpoint address = Endpoint::to_dial_here(endpoint);
  const KeyPair stranger = generate_keys();
  const TimePoint deadline = Clock::now() + patience;
  expect_turned_away(dial(address, nullptr, {}, deadline), address, "no key");
  expect_turned_away(dial(address, &stranger, server_public_key, deadline), address,
                     "an unlisted key");
}

}  // namespace lorae::transport
