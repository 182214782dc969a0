#include "transport/zap.h"

#include <array>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>
#include <vector>
#include <zmq_addon.hpp>

#include "base/error.h"
#include "transport/io_thread.h"
#include "transport/socket.h"

namespace lorae::transport {
namespace {

constexpr const char* kAddress = "inproc://zeromq.zap.01";
constexpr Duration kReportInterval = std::chrono::seconds(1);
constexpr std::chrono::milliseconds kReportPoll{100};  // while a report waits for its time

/// The frames of one request. Source: ZeroMQ RFC 27.
struct Request {
  std::string version, id, domain, address, route, mechanism, credential;
};

/// False if the request is not seven frames.
bool receive_request(zmq::socket_ref socket, Request& request) {
  std::vector<zmq::message_t> frames;  // libzmq's own, so their number and sizes are no danger
  std::ignore = zmq::recv_multipart(socket, std::back_inserter(frames));
  const std::array<std::string*, 7> fields{&request.version,   &request.id,    &request.domain,
                                           &request.address,   &request.route, &request.mechanism,
                                           &request.credential};
  for (std::size_t i = 0; i < std::min(frames.size(), fields.size()); ++i) {
    *fields[i] = frames[i].to_string();
  }
  return frames.size() == fields.size();
}

/// An empty `user` denies. Only 200 and 400: on others libzmq leaves the client hanging.
void send_reply(zmq::socket_ref socket, const std::string& id, const std::string& user) {
  const bool admitted = !user.empty();
  const std::string_view code = admitted ? "200" : "400";
  const std::string_view text = admitted ? "OK" : "unknown key";
  const std::array<zmq::const_buffer, 6> frames{zmq::str_buffer("1.0"), zmq::buffer(id),
                                                zmq::buffer(code),      zmq::buffer(text),
                                                zmq::buffer(user),      zmq::const_buffer()};
  std::ignore = zmq::send_multipart(socket, frames);
}

std::string key_text(const std::string& raw) {
  std::array<char, 41> text{};
  zmq_z85_encode(text.data(), reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size());
  return text.data();
}

}  // namespace

Door::Door(std::string domain, Registry registry, OnDenied on_denied)
    : domain_(std::move(domain)),
      registry_(std::make_shared<const Registry>()),
      on_denied_(std::move(on_denied)) {
  set_registry(std::move(registry));
}

std::shared_ptr<const Registry> Door::registry() const {
  const std::lock_guard lock(mutex_);
  return registry_;
}

void Door::set_registry(Registry registry) {
  auto next = std::make_shared<const Registry>(std::move(registry));
  const std::lock_guard lock(mutex_);
  for (const Registry* const known : {registry_.get(), next.get()}) {
    for (const Registry::Entry& entry : known->entries()) {
      if (next->find(entry.public_key) == nullptr) {
        revoked_keys_.insert(entry.public_key);
      }
    }
  }
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
  if (client != nullptr) {
    return client->name;
  }
  const std::lock_guard lock(mutex_);
  const bool revoked = revoked_keys_.contains(public_key);
  count({.reason = revoked ? "its key was revoked" : "its key is not enrolled",
         .address = std::string(address),
         .public_key = std::string(public_key),
         .revoked = revoked});
  return {};
}

void Door::deny(std::string_view reason, std::string_view address) {
  const std::lock_guard lock(mutex_);
  count({.reason = std::string(reason), .address = std::string(address), .public_key = {}});
}

/// With `mutex_` held.
void Door::count(Denial denial) {
  ++denied_;
  denial.count = pending_.count + 1;
  pending_ = std::move(denial);
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
  zmq::socket_t socket = make_socket(zmq::socket_type::rep);
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
      zmq::pollitem_t item{socket.handle(), 0, ZMQ_POLLIN, 0};
      poll({&item, 1}, pending ? kReportPoll : kForEver);
      if (item.revents != 0) {
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
  try {
    uninterrupted([&] { state_->socket.bind(kAddress); });
  } catch (const zmq::error_t& error) {
    fail(ErrorCode::kUnavailable, "[zap] cannot bind the authentication handler: ", error.what());
  }
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
