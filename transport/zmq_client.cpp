#include "transport/zmq_client.h"

#include <sodium.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "transport/backoff.h"
#include "transport/endpoint.h"
#include "transport/io_thread.h"
#include "transport/link.h"
#include "transport/monitor.h"
#include "transport/outbox.h"
#include "transport/socket.h"

namespace lorae::transport {
namespace {

constexpr int kMessagesPerTurn = 64;
constexpr Duration kStopPatience = std::chrono::milliseconds(1'900);

// Waits need no reproducible randomness, only a different one in every process.
Random fresh_random() {
  std::uint64_t seed = 0;
  randombytes_buf(&seed, sizeof seed);
  return Random(seed);
}

/// One socket and what watches it.
struct Connection {
  explicit Connection(const ZmqClientOptions& options, Random& random)
      : dealer(make_socket(zmq::socket_type::dealer)), monitor(dealer) {
    namespace opt = zmq::sockopt;
    const auto heartbeat = static_cast<int>(options.heartbeat.count());
    set_peer_options(
        dealer, {.max_frame_bytes = options.max_frame_bytes, .heartbeat_milliseconds = heartbeat});
    set_option(dealer, opt::heartbeat_ttl, 4 * heartbeat, "HEARTBEAT_TTL");
    // Without it frames would wait here for the next connection, stale.
    set_option(dealer, opt::immediate, true, "IMMEDIATE");
    const auto span =
        static_cast<std::uint64_t>((options.reconnect_high - options.reconnect_low).count());
    const auto wait =
        options.reconnect_low.count() + static_cast<std::int64_t>(random.below(span + 1));
    set_option(dealer, opt::reconnect_ivl, static_cast<int>(wait), "RECONNECT_IVL");
    set_option(dealer, opt::reconnect_ivl_max, static_cast<int>(options.reconnect_cap.count()),
               "RECONNECT_IVL_MAX");
    set_client_keys(dealer, options.keys, options.server_public_key);
    const Endpoint endpoint = Endpoint::to_dial(options.endpoint);
    set_option(dealer, opt::ipv6, endpoint.is_ipv6(), "IPV6");
    try {
      uninterrupted([&] { dealer.connect(endpoint.text()); });
    } catch (const zmq::error_t& error) {
      fail(ErrorCode::kInvalidConfig, "[transport] cannot dial ", endpoint.text(), ": ",
           error.what());
    }
  }

  zmq::socket_t dealer;
  Monitor monitor;
};

constexpr std::size_t kMostWaiting = 256;  // frames that libzmq does not take yet

}  // namespace

struct ZmqClient::State {
  explicit State(ZmqClientOptions chosen)
      : options(std::move(chosen)),
        link(options.endpoint, options.keys.public_key),
        random(fresh_random()),
        backoff(options.retry_low, options.retry_cap, fresh_random()),
        outbox(options.max_queued_bytes) {}

  void run();
  void dial();
  void turn();
  void obey();
  void send_waiting();
  void drop_waiting();
  void watch();
  void receive_some();
  void apply(const Link::Step& step);

  const ZmqClientOptions options;
  OnFrame on_frame;
  OnLink on_link;
  Link link;
  Random random;
  Backoff backoff;
  std::optional<Connection> connection;
  TimePoint dial_at{};  // while there is no connection
  Outbox<wire::Frame> outbox;
  std::deque<wire::Frame> waiting;  // taken from the outbox, not yet by libzmq
  bool connected = false;
  std::atomic<bool> stopping{false};
  std::atomic<bool> redial{false};
  std::atomic<std::uint64_t> frames_in{0}, bytes_in{0}, frames_out{0}, bytes_out{0}, dropped{0},
      malformed{0};
  IoThread thread;
};

void ZmqClient::State::run() {
  while (!stopping) {
    if (!connection && Clock::now() >= dial_at) {
      dial();
    }
    turn();
  }
  connection.reset();
}

void ZmqClient::State::dial() {
  try {
    connection.emplace(options, random);
  } catch (const Error& error) {  // no file descriptors left, for now
    dial_at = Clock::now() + backoff.next();
    apply({LinkEvent::kDisconnected, error.what(), false});
  }
}

void ZmqClient::State::turn() {
  std::vector<zmq::pollitem_t> items{{nullptr, outbox.descriptor(), ZMQ_POLLIN, 0}};
  std::chrono::milliseconds wait = kForEver;
  if (connection) {
    items.push_back({connection->monitor.handle(), 0, ZMQ_POLLIN, 0});
    const int sending = waiting.empty() ? 0 : ZMQ_POLLOUT;
    items.push_back({connection->dealer.handle(), 0, static_cast<short>(ZMQ_POLLIN | sending), 0});
  }
  if (const auto due = connection ? link.deadline() : std::optional(dial_at)) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - Clock::now());
    wait = std::max(left, std::chrono::milliseconds(0));
  }
  poll(items, wait);
  if (items[0].revents != 0) {
    obey();
  }
  // Received before the link is judged: what came before a lost connection still counts.
  if (connection && items.size() > 2 && (items[2].revents & ZMQ_POLLIN) != 0) {
    receive_some();
  }
  if (connection && items.size() > 1 && items[1].revents != 0) {
    watch();
  }
  if (connection) {
    apply(link.on_time(Clock::now()));
  }
  send_waiting();
}

/// libzmq reports the handshake an instant before the socket can send; what is sent in between
/// waits for that instant. Without a connection nothing waits.
void ZmqClient::State::send_waiting() {
  if (!connection || !connected || waiting.size() > kMostWaiting) {
    drop_waiting();
  }
  while (!waiting.empty() && send_frame(connection->dealer, {}, waiting.front()) == Sent::kYes) {
    ++frames_out;
    bytes_out += waiting.front().size();
    waiting.pop_front();
  }
}

void ZmqClient::State::drop_waiting() {
  dropped += waiting.size();
  waiting.clear();
}

void ZmqClient::State::obey() {
  for (wire::Frame& frame : outbox.take()) {
    waiting.push_back(std::move(frame));
  }
  if (redial.exchange(false) && connection) {
    connection.reset();
    dial_at = Clock::now();
    apply(link.on_redial());
  }
}

void ZmqClient::State::watch() {
  while (connection) {
    const auto event = connection->monitor.next();
    if (!event) {
      return;
    }
    apply(link.on_event(*event, Clock::now()));
  }
}

void ZmqClient::State::receive_some() {
  for (int i = 0; i < kMessagesPerTurn && !stopping; ++i) {
    auto inbound = receive_frame(connection->dealer, false);
    if (!inbound) {
      return;
    }
    if (inbound->parts > 2) {
      ++malformed;
      continue;
    }
    ++frames_in;
    bytes_in += inbound->frame.size();
    if (!stopping) {  // stop() may have given up on us: the callback's owner is then gone
      on_frame(std::move(inbound->frame));
    }
  }
}

void ZmqClient::State::apply(const Link::Step& step) {
  if (step.hang_up) {
    connection.reset();
    dial_at = Clock::now() + backoff.next();
  }
  if (step.report) {
    connected = step.report == LinkEvent::kConnected;
  }
  if (step.report == LinkEvent::kConnected) {
    backoff.reset();
  }
  if (step.report && on_link && !stopping) {
    on_link(*step.report, step.detail);
  }
}

ZmqClient::ZmqClient(ZmqClientOptions options) {
  Endpoint::to_dial(options.endpoint);
  check(is_key(options.keys.public_key) && is_key(options.keys.secret_key),
        ErrorCode::kInvalidConfig,
        "[transport] this client's keys are not keys; make them with: lorae keygen");
  check(is_key(options.server_public_key), ErrorCode::kInvalidConfig,
        "[transport] the coordinator's public key '", options.server_public_key,
        "' is not a key: expected 40 characters of Z85");
  check(options.reconnect_low.count() > 0 && options.reconnect_low <= options.reconnect_high,
        ErrorCode::kInvalidArgument, "[transport] reconnect_low: expected 1 ms to reconnect_high");
  state_ = std::make_shared<State>(std::move(options));
}

ZmqClient::~ZmqClient() {
  stop();
}

void ZmqClient::start(OnFrame on_frame, OnLink on_link) {
  check(!state_->thread.started() && !state_->stopping, ErrorCode::kInvalidArgument,
        "[transport] a client is started once");
  state_->on_frame = std::move(on_frame);
  state_->on_link = std::move(on_link);
  state_->connection.emplace(state_->options, state_->random);
  state_->thread.start([state = state_] { state->run(); });
}

void ZmqClient::send(wire::Frame frame) {
  const std::size_t bytes = frame.size();
  if (!state_->outbox.push(std::move(frame), bytes)) {
    ++state_->dropped;
  }
}

void ZmqClient::redial() {
  state_->redial = true;
  state_->outbox.wake();
}

ClientCounters ZmqClient::counters() const {
  const State& s = *state_;
  return {s.frames_in, s.bytes_in, s.frames_out, s.bytes_out, s.dropped, s.malformed};
}

void ZmqClient::stop() {
  state_->stopping = true;
  state_->outbox.wake();
  if (state_->thread.join_within(kStopPatience)) {
    state_->on_frame = nullptr;
    state_->on_link = nullptr;
  }
}

}  // namespace lorae::transport
