#include "transport/zmq_server.h"

#include <array>
#include <atomic>
#include <thread>
#include <utility>

#include "base/error.h"
#include "transport/connection_table.h"
#include "transport/endpoint.h"
#include "transport/io_thread.h"
#include "transport/outbox.h"
#include "transport/socket.h"

namespace lorae::transport {
namespace {

constexpr int kBacklog = 4096;
// A draft option, which the library knows and its headers do not.
constexpr zmq::sockopt::integral_option<93, int> kZapEnforceDomain;
constexpr int kMessagesPerTurn = 64;  // so that neither direction starves the other
constexpr Duration kStopPatience = std::chrono::milliseconds(1'900);

/// A route that libzmq made up: a peer that chooses its own could take over another's.
bool is_automatic(const std::string& route) {
  return route.size() == 5 && route[0] == '\0';
}

void set_server_options(zmq::socket_t& router, const ZmqServerOptions& options, const Door& door) {
  namespace opt = zmq::sockopt;
  set_peer_options(
      router, {.max_frame_bytes = options.max_frame_bytes, .send_limit = 8, .receive_limit = 4});
  set_option(router, opt::backlog, kBacklog, "BACKLOG");
  set_option(router, opt::router_mandatory, true, "ROUTER_MANDATORY");
  set_option(router, opt::curve_server, true, "CURVE_SERVER");
  set_option(router, opt::curve_secretkey, options.keys.secret_key, "CURVE_SECRETKEY");
  // With an empty domain the next option would switch authentication off.
  set_option(router, opt::zap_domain, door.domain(), "ZAP_DOMAIN");
  set_option(router, kZapEnforceDomain, 1, "ZAP_ENFORCE_DOMAIN");
}

/// Binds to one address. Returns false if another process listens there.
bool try_bind(zmq::socket_t& router, const std::string& address) {
  try {
    uninterrupted([&] { router.bind(address); });
    return true;
  } catch (const zmq::error_t& error) {
    check(error.num() == EADDRINUSE, ErrorCode::kInvalidConfig, "[transport] cannot listen on ",
          address, ": ", error.what(),
          "; expected an address of this machine, or 0.0.0.0 for all of them");
    return false;
  }
}

/// Binds and returns the real endpoint.
std::string bind_to(zmq::socket_t& router, const std::string& text) {
  const Endpoint endpoint = Endpoint::to_listen(text);
  set_option(router, zmq::sockopt::ipv6, endpoint.is_ipv6(), "IPV6");
  const std::string address = endpoint.text();
  bool bound = try_bind(router, address);
  // A server of this process that stopped a moment ago frees its port in the background.
  for (int retry = 0; !bound && retry < 10; ++retry) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    bound = try_bind(router, address);
  }
  check(bound, ErrorCode::kUnavailable, "[transport] cannot listen on ", address,
        ": address already in use; is another coordinator running? choose another port with ",
        "--bind");
  try {
    return router.get(zmq::sockopt::last_endpoint);
  } catch (const zmq::error_t&) {
    fail(ErrorCode::kUnavailable, "[transport] cannot tell where ", address, " listens");
  }
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
        router(make_socket(zmq::socket_type::router)),
        on_revoked(std::move(options.on_revoked)),
        registry(door->registry()),
        connections(options.connections_per_client),
        outbox(options.max_queued_bytes) {
    set_server_options(router, options, *door);
    endpoint = bind_to(router, options.endpoint);
  }

  void run();
  void refresh();
  void receive_some();
  void deliver(Inbound inbound);
  void send_all();

  OwnDoor door;  // before the socket: without a handler libzmq lets everybody in
  zmq::socket_t router;
  std::string endpoint;
  OnFrame on_frame;
  std::function<void(const std::vector<ClientId>&)> on_revoked;
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
    std::array<zmq::pollitem_t, 2> items{
        {{router.handle(), 0, ZMQ_POLLIN, 0}, {nullptr, outbox.descriptor(), ZMQ_POLLIN, 0}}};
    poll(items, kForEver);
    refresh();
    if (items[0].revents != 0) {
      receive_some();
    }
    if (items[1].revents != 0) {
      send_all();
    }
  }
  router.close();
}

void ZmqServer::State::refresh() {
  auto current = door->registry();
  if (current == registry) {
    return;
  }
  const std::vector<ClientId> revoked = registry->revoked_by(*current);
  registry = std::move(current);
  connections.retain([&](const ClientId& client) { return registry->is_active(client); });
  if (!revoked.empty() && on_revoked && !stopping) {
    on_revoked(revoked);
  }
}

void ZmqServer::State::receive_some() {
  for (int i = 0; i < kMessagesPerTurn && !stopping; ++i) {
    auto inbound = receive_frame(router, true);
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
    const Sent sent = route == nullptr ? Sent::kGone : send_frame(router, *route, outgoing.frame);
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
    state_->router.close();
  } else if (state_->thread.join_within(kStopPatience)) {
    state_->on_frame = nullptr;
    state_->on_revoked = nullptr;
  }
  state_->door.close();
}

}  // namespace lorae::transport
