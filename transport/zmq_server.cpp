#include "transport/zmq_server.h"

#include <zmq.h>

#include <array>
#include <atomic>
#include <thread>
#include <utility>

#include "base/error.h"
#include "transport/connection_table.h"
#include "transport/io_thread.h"
#include "transport/outbox.h"
#include "transport/socket.h"

namespace lorae::transport {
namespace {

constexpr int kBacklog = 4096;
constexpr int kZapEnforceDomain = 93;  // a draft constant, which the library knows and <zmq.h> not
constexpr int kMessagesPerTurn = 64;   // so that neither direction starves the other
constexpr Duration kStopPatience = std::chrono::milliseconds(1'900);

/// A route that libzmq made up: a peer that chooses its own could take over another's.
bool is_automatic(const std::string& route) {
  return route.size() == 5 && route[0] == '\0';
}

void set_server_options(Socket& router, const ZmqServerOptions& options, const Door& door) {
  set_peer_options(
      router, {.max_frame_bytes = options.max_frame_bytes, .send_limit = 8, .receive_limit = 4});
  router.set(ZMQ_BACKLOG, kBacklog, "BACKLOG");
  router.set(ZMQ_ROUTER_MANDATORY, 1, "ROUTER_MANDATORY");
  router.set(ZMQ_CURVE_SERVER, 1, "CURVE_SERVER");
  router.set(ZMQ_CURVE_SECRETKEY, options.keys.secret_key, "CURVE_SECRETKEY");
  // With an empty domain the next option would switch authentication off.
  router.set(ZMQ_ZAP_DOMAIN, door.domain(), "ZAP_DOMAIN");
  router.set(kZapEnforceDomain, 1, "ZAP_ENFORCE_DOMAIN");
}

/// Binds and returns the real endpoint.
std::string bind_to(Socket& router, const std::string& text) {
  const Endpoint endpoint = Endpoint::to_listen(text);
  router.set(ZMQ_IPV6, endpoint.is_ipv6() ? 1 : 0, "IPV6");
  const std::string address = endpoint.text();
  int result = zmq_bind(router.get(), address.c_str());
  // A server of this process that stopped a moment ago frees its port in the background.
  for (int retry = 0; result != 0 && zmq_errno() == EADDRINUSE && retry < 10; ++retry) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    result = zmq_bind(router.get(), address.c_str());
  }
  const int error = zmq_errno();
  if (result != 0 && error == EADDRINUSE) {
    fail(ErrorCode::kUnavailable, "[transport] cannot listen on ", address,
         ": address already in use; is another coordinator running? choose another port with ",
         "--bind");
  }
  check(result == 0, ErrorCode::kInvalidConfig, "[transport] cannot listen on ", address, ": ",
        zmq_strerror(error), "; expected an address of this machine, or 0.0.0.0 for all of them");
  std::array<char, 256> bound{};
  std::size_t size = bound.size();
  check(zmq_getsockopt(router.get(), ZMQ_LAST_ENDPOINT, bound.data(), &size) == 0,
        ErrorCode::kUnavailable, "[transport] cannot tell where ", address, " listens");
  return bound.data();
}

struct Outgoing {
  ConnectionId to;
  wire::Frame frame;
};

/// A door that closes with its server.
class OwnDoor {
 public:
  explicit OwnDoor(ZmqServerOptions& options)
      : door_(ZapHandler::instance().open(std::move(options.registry),
                                          std::move(options.on_denied))) {}
  ~OwnDoor() { close(); }
  OwnDoor(const OwnDoor&) = delete;
  OwnDoor& operator=(const OwnDoor&) = delete;

  void close() { ZapHandler::instance().close(door_); }

  Door& operator*() const { return *door_; }
  Door* operator->() const { return door_.get(); }

 private:
  std::shared_ptr<Door> door_;
};

}  // namespace

struct ZmqServer::State {
  explicit State(ZmqServerOptions options)
      : door(options),
        connections(options.connections_per_client),
        outbox(options.max_queued_bytes) {
    router.emplace(ZMQ_ROUTER);
    set_server_options(*router, options, *door);
    endpoint = bind_to(*router, options.endpoint);
  }

  void run();
  void refresh();
  void receive_some();
  void deliver(Inbound inbound);
  void send_all();

  OwnDoor door;  // before the socket: without a handler libzmq lets everybody in
  std::optional<Socket> router;
  std::string endpoint;
  OnFrame on_frame;
  std::shared_ptr<const Registry> registry;  // of this turn
  ConnectionTable connections;
  Outbox<Outgoing> outbox;
  std::atomic<bool> stopping{false};
  std::atomic<std::uint64_t> frames_in{0}, bytes_in{0}, frames_out{0}, bytes_out{0}, dropped{0},
      unauthenticated{0}, malformed{0};
  IoThread thread;
};

void ZmqServer::State::run() {
  while (!stopping) {
    std::array<zmq_pollitem_t, 2> items{
        {{router->get(), 0, ZMQ_POLLIN, 0}, {nullptr, outbox.descriptor(), ZMQ_POLLIN, 0}}};
    if (zmq_poll(items.data(), static_cast<int>(items.size()), -1) < 0) {
      check(zmq_errno() == EINTR, ErrorCode::kUnavailable,
            "[transport] poll: ", zmq_strerror(zmq_errno()));
      continue;
    }
    refresh();
    if (items[0].revents != 0) {
      receive_some();
    }
    if (items[1].revents != 0) {
      send_all();
    }
  }
  router.reset();
}

void ZmqServer::State::refresh() {
  auto current = door->registry();
  if (current != registry) {
    registry = std::move(current);
    connections.retain([&](const ClientId& client) { return registry->is_active(client); });
  }
}

void ZmqServer::State::receive_some() {
  for (int i = 0; i < kMessagesPerTurn && !stopping; ++i) {
    auto inbound = receive_frame(*router, true);
    if (!inbound) {
      return;
    }
    deliver(std::move(*inbound));
  }
}

void ZmqServer::State::deliver(Inbound inbound) {
  const ClientId client{std::move(inbound.user)};
  if (!registry->is_active(client)) {
    ++unauthenticated;
    return;
  }
  if (inbound.parts == 0 || inbound.parts > 2 || !is_automatic(inbound.route)) {
    ++malformed;
    return;
  }
  ++frames_in;
  bytes_in += inbound.frame.size();
  const ConnectionId connection = connections.heard(inbound.route, client);
  if (!stopping) {  // stop() may have given up on us: the callback's owner is then gone
    on_frame(connection, client, std::move(inbound.frame));
  }
}

void ZmqServer::State::send_all() {
  for (const Outgoing& outgoing : outbox.take()) {
    const std::string* const route = connections.route(outgoing.to);
    const Sent sent = route == nullptr ? Sent::kGone : send_frame(*router, *route, outgoing.frame);
    if (sent == Sent::kYes) {
      ++frames_out;
      bytes_out += outgoing.frame.size();
      continue;
    }
    ++dropped;
    if (sent == Sent::kGone) {
      connections.forget(outgoing.to);
    }
  }
}

ZmqServer::ZmqServer(ZmqServerOptions options) {
  check(is_key(options.keys.secret_key), ErrorCode::kInvalidConfig,
        "[transport] the coordinator's secret key is not a key; make one with: lorae keygen");
  check(options.connections_per_client > 0, ErrorCode::kInvalidArgument,
        "[transport] connections_per_client: expected at least 1, got 0");
  state_ = std::make_shared<State>(std::move(options));
}

ZmqServer::~ZmqServer() {
  stop();
}

void ZmqServer::start(OnFrame on_frame) {
  check(!state_->thread.started() && !state_->stopping, ErrorCode::kInvalidArgument,
        "[transport] a server is started once");
  state_->on_frame = std::move(on_frame);
  state_->door->start_reports();
  state_->thread.start([state = state_] { state->run(); });
}

void ZmqServer::send(ConnectionId to, wire::Frame frame) {
  const std::size_t bytes = frame.size();
  if (!state_->outbox.push({to, std::move(frame)}, bytes)) {
    ++state_->dropped;
  }
}

void ZmqServer::set_registry(Registry registry) {
  state_->door->set_registry(std::move(registry));
  state_->outbox.wake();
}

const std::string& ZmqServer::endpoint() const noexcept {
  return state_->endpoint;
}

ServerCounters ZmqServer::counters() const {
  const State& s = *state_;
  return {s.frames_in, s.bytes_in,        s.frames_out, s.bytes_out,
          s.dropped,   s.unauthenticated, s.malformed,  s.door->denied()};
}

void ZmqServer::stop() {
  state_->stopping = true;
  state_->outbox.wake();
  if (!state_->thread.started()) {
    state_->router.reset();
  } else if (state_->thread.join_within(kStopPatience)) {
    state_->on_frame = nullptr;
  }
  state_->door.close();
}

}  // namespace lorae::transport
