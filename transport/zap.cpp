#include "transport/zap.h"

#include <zmq.h>

#include <array>
#include <exception>
#include <map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "transport/io_thread.h"
#include "transport/socket.h"

namespace lorae::transport {
namespace {

constexpr const char* kAddress = "inproc://zeromq.zap.01";
constexpr Duration kReportInterval = std::chrono::seconds(1);

/// The frames of one request. Source: ZeroMQ RFC 27.
struct Request {
  std::string version, id, domain, address, route, mechanism, credential;
};

/// False if the request is not seven frames.
bool receive_request(const Socket& socket, Request& request) {
  std::array<std::string*, 7> fields{&request.version,   &request.id,    &request.domain,
                                     &request.address,   &request.route, &request.mechanism,
                                     &request.credential};
  std::size_t count = 0;
  for (int more = 1; more != 0; ++count) {
    std::array<char, 256> buffer{};
    const int size = zmq_recv(socket.get(), buffer.data(), buffer.size(), 0);
    check(size >= 0, ErrorCode::kUnavailable, "[zap] receive: ", zmq_strerror(zmq_errno()));
    if (count < fields.size()) {
      // A longer frame is cut here, and then fails the comparison or the size check.
      fields[count]->assign(buffer.data(), std::min(static_cast<std::size_t>(size), buffer.size()));
    }
    std::size_t more_size = sizeof more;
    zmq_getsockopt(socket.get(), ZMQ_RCVMORE, &more, &more_size);
  }
  return count == fields.size();
}

/// An empty `user` denies. Only 200 and 400: on others libzmq leaves the client hanging.
void send_reply(const Socket& socket, const std::string& id, const std::string& user) {
  const bool admitted = !user.empty();
  const std::array<std::string, 6> frames{
      "1.0", id, admitted ? "200" : "400", admitted ? "OK" : "unknown key", user, ""};
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const int flags = i + 1 < frames.size() ? ZMQ_SNDMORE : 0;
    check(zmq_send(socket.get(), frames[i].data(), frames[i].size(), flags) >= 0,
          ErrorCode::kUnavailable, "[zap] reply: ", zmq_strerror(zmq_errno()));
  }
}

std::string key_text(const std::string& raw) {
  std::array<char, 41> text{};
  zmq_z85_encode(text.data(), reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size());
  return text.data();
}

}  // namespace

Door::Door(std::string domain, Registry registry, OnDenied on_denied)
    : domain_(std::move(domain)),
      registry_(std::make_shared<const Registry>(std::move(registry))),
      on_denied_(std::move(on_denied)) {}

std::shared_ptr<const Registry> Door::registry() const {
  const std::lock_guard lock(mutex_);
  return registry_;
}

void Door::set_registry(Registry registry) {
  auto next = std::make_shared<const Registry>(std::move(registry));
  const std::lock_guard lock(mutex_);
  registry_.swap(next);
}

std::uint64_t Door::denied() const {
  const std::lock_guard lock(mutex_);
  return denied_;
}

void Door::start_reports() {
  const std::lock_guard lock(mutex_);
  pending_ = {};
  reporting_ = true;
}

void Door::close() {
  const std::lock_guard lock(callback_mutex_);
  on_denied_ = nullptr;
}

std::string Door::admit(std::string_view address, std::string_view public_key) {
  const auto snapshot = registry();
  const ClientId* const client = snapshot->find(public_key);
  if (client == nullptr) {
    deny("its key is not enrolled, or is revoked", address, public_key);
    return {};
  }
  return client->name;
}

void Door::deny(std::string_view reason, std::string_view address, std::string_view public_key) {
  const std::lock_guard lock(mutex_);
  ++denied_;
  pending_ = {std::string(reason), std::string(address), std::string(public_key),
              pending_.count + 1};
}

bool Door::report(TimePoint now) {
  Denial due;
  {
    const std::lock_guard lock(mutex_);
    if (!reporting_) {
      return false;
    }
    if (pending_.count == 0 || now < next_report_) {
      return pending_.count > 0;
    }
    next_report_ = now + kReportInterval;
    due = std::exchange(pending_, {});
  }
  const std::lock_guard lock(callback_mutex_);
  if (on_denied_) {
    on_denied_(due);
  }
  return false;
}

struct ZapHandler::State {
  Socket socket{ZMQ_REP};
  std::mutex mutex;  // guards what follows
  std::map<std::string, std::shared_ptr<Door>> doors;
  std::uint64_t opened = 0;
  IoThread thread;

  std::vector<std::shared_ptr<Door>> all_doors() {
    const std::lock_guard lock(mutex);
    std::vector<std::shared_ptr<Door>> all;
    for (const auto& [domain, door] : doors) {
      all.push_back(door);
    }
    return all;
  }

  std::string decide(const Request& request, bool complete) {
    std::shared_ptr<Door> door;
    {
      const std::lock_guard lock(mutex);
      const auto found = doors.find(request.domain);
      door = found == doors.end() ? nullptr : found->second;
    }
    if (door == nullptr) {
      return {};
    }
    if (!complete || request.version != "1.0" || request.mechanism != "CURVE" ||
        request.credential.size() != 32) {
      door->deny("it did not present a CURVE key", request.address);
      return {};
    }
    return door->admit(request.address, key_text(request.credential));
  }

  // noexcept: libzmq would let everybody in without us, so an exception must end the process.
  void serve() noexcept {
    bool pending = false;
    for (;;) {
      zmq_pollitem_t item{socket.get(), 0, ZMQ_POLLIN, 0};
      const int ready = zmq_poll(&item, 1, pending ? 100 : -1);
      if (ready < 0 && zmq_errno() == ETERM) {
        return;
      }
      if (ready < 0 && zmq_errno() != EINTR) {
        std::terminate();
      }
      if (ready > 0) {
        Request request;
        const bool complete = receive_request(socket, request);
        send_reply(socket, request.id, decide(request, complete));
      }
      pending = false;
      for (const auto& door : all_doors()) {
        pending = door->report(Clock::now()) || pending;
      }
    }
  }
};

ZapHandler::ZapHandler() : state_(new State) {
  check(zmq_bind(state_->socket.get(), kAddress) == 0, ErrorCode::kUnavailable,
        "[zap] cannot bind the authentication handler: ", zmq_strerror(zmq_errno()));
  state_->thread.start([state = state_] { state->serve(); });
}

ZapHandler& ZapHandler::instance() {
  static ZapHandler handler;
  return handler;
}

std::shared_ptr<Door> ZapHandler::open(Registry registry, Door::OnDenied on_denied) {
  const std::lock_guard lock(state_->mutex);
  const std::string domain = str("lorae.", ++state_->opened);
  auto door = std::make_shared<Door>(domain, std::move(registry), std::move(on_denied));
  state_->doors[domain] = door;
  return door;
}

void ZapHandler::close(const std::shared_ptr<Door>& door) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->doors.erase(door->domain());
  }
  door->close();
}

}  // namespace lorae::transport
