#include "transport/in_process.h"

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>

namespace lorae::transport {
namespace {

/// The callbacks of one connected client.
struct Peer {
  ClientId client;
  ClientChannel::OnFrame on_frame;
  ClientChannel::OnLink on_link;
};

/// Something that waits in the queue.
struct Event {
  enum class Kind { kToServer, kToClient, kConnected };

  Kind kind;
  ConnectionId connection;
  wire::Frame frame;
  bool judged = false;  // the fault hook has had its say
};

}  // namespace

struct InProcessNetwork::State {
  class Server final : public ServerChannel {
   public:
    explicit Server(State& state) : state_(state) {}
    void send(ConnectionId to, wire::Frame frame) override {
      state_.push({Event::Kind::kToClient, to, std::move(frame)});
    }

   private:
    State& state_;
  };

  class Client final : public ClientChannel {
   public:
    Client(std::shared_ptr<State> state, ConnectionId connection)
        : state_(std::move(state)), connection_(connection) {}
    ~Client() override {
      const std::lock_guard lock(state_->mutex);
      state_->peers.erase(connection_);
    }
    void send(wire::Frame frame) override {
      state_->push({Event::Kind::kToServer, connection_, std::move(frame)});
    }

   private:
    std::shared_ptr<State> state_;
    ConnectionId connection_;
  };

  void push(Event event) {
    const std::lock_guard lock(mutex);
    queue.push_back(std::move(event));
  }

  std::optional<Event> pop();
  void deliver(Event event);

  Server server{*this};
  std::mutex mutex;  // guards `queue` and `peers`; not held during callbacks
  std::deque<Event> queue;
  std::map<ConnectionId, std::shared_ptr<const Peer>> peers;
  std::uint64_t connections_made = 0;
  ServerChannel::OnFrame on_frame;
  std::function<Fault(const wire::Frame&)> fault;
};

std::optional<Event> InProcessNetwork::State::pop() {
  const std::lock_guard lock(mutex);
  if (queue.empty()) {
    return std::nullopt;
  }
  Event event = std::move(queue.front());
  queue.pop_front();
  return event;
}

void InProcessNetwork::State::deliver(Event event) {
  std::shared_ptr<const Peer> peer;  // kept alive: a callback may destroy its channel
  {
    const std::lock_guard lock(mutex);
    const auto found = peers.find(event.connection);
    if (found == peers.end()) {
      return;
    }
    peer = found->second;
  }
  if (event.kind == Event::Kind::kConnected) {
    if (peer->on_link) {
      peer->on_link(LinkEvent::kConnected, "connected inside the process");
    }
  } else if (event.kind == Event::Kind::kToClient) {
    peer->on_frame(std::move(event.frame));
  } else {
    on_frame(event.connection, peer->client, std::move(event.frame));
  }
}

InProcessNetwork::InProcessNetwork() : state_(std::make_shared<State>()) {}
InProcessNetwork::~InProcessNetwork() = default;

ServerChannel& InProcessNetwork::server() {
  return state_->server;
}

void InProcessNetwork::start(ServerChannel::OnFrame on_frame) {
  state_->on_frame = std::move(on_frame);
}

std::unique_ptr<ClientChannel> InProcessNetwork::connect(ClientId client,
                                                         ClientChannel::OnFrame on_frame,
                                                         ClientChannel::OnLink on_link) {
  const ConnectionId connection{++state_->connections_made};
  {
    const std::lock_guard lock(state_->mutex);
    state_->peers[connection] = std::make_shared<const Peer>(
        Peer{std::move(client), std::move(on_frame), std::move(on_link)});
  }
  state_->push({Event::Kind::kConnected, connection, {}});
  return std::make_unique<State::Client>(state_, connection);
}

void InProcessNetwork::set_fault(std::function<Fault(const wire::Frame&)> fault) {
  state_->fault = std::move(fault);
}

bool InProcessNetwork::deliver_one() {
  if (!state_->on_frame) {
    return false;
  }
  std::optional<Event> event = state_->pop();
  if (!event) {
    return false;
  }
  Fault fault = Fault::kNone;
  if (event->kind != Event::Kind::kConnected && !event->judged && state_->fault) {
    fault = state_->fault(event->frame);
  }
  event->judged = true;
  switch (fault) {
    case Fault::kDrop:
      break;
    case Fault::kDelay:
      state_->push(std::move(*event));
      break;
    case Fault::kDuplicate:
      state_->push(*event);
      [[fallthrough]];
    case Fault::kNone:
      state_->deliver(std::move(*event));
  }
  return true;
}

std::size_t InProcessNetwork::deliver_all() {
  std::size_t count = 0;
  while (deliver_one()) {
    ++count;
  }
  return count;
}

}  // namespace lorae::transport
