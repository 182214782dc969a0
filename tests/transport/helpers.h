#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tests/base/temporary_folder.h"
#include "transport/zmq_client.h"
#include "transport/zmq_server.h"

namespace lorae::transport {

/// Nothing waits longer than this; in a test that passes nothing comes near it.
constexpr auto kPatience = std::chrono::seconds(20);

/// What arrived on another thread.
template <typename T>
class Mailbox {
 public:
  void put(T value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    changed_.notify_all();
  }

  /// The next value that `wanted` holds for; those before it are thrown away.
  std::optional<T> wait_for(const std::function<bool(const T&)>& wanted) {
    std::unique_lock lock(mutex_);
    std::optional<T> found;
    changed_.wait_for(lock, kPatience, [&] {
      while (!values_.empty() && !found) {
        T value = std::move(values_.front());
        values_.pop_front();
        if (wanted(value)) {
          found = std::move(value);
        }
      }
      return found.has_value();
    });
    return found;
  }
  std::optional<T> next() {
    return wait_for([](const T&) { return true; });
  }

  bool empty() {
    const std::lock_guard lock(mutex_);
    return values_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> values_;
};

/// Waits until something that nobody announces, such as a counter, has come true.
inline bool eventually(const std::function<bool()>& holds) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    never.wait_for(lock, std::chrono::milliseconds(1));
  }
  return true;
}

/// The message of the lorae::Error that `call` throws, "" if it throws none.
inline std::string error_of(const std::function<void()>& call,
                            std::optional<ErrorCode> code = std::nullopt) {
  try {
    call();
  } catch (const Error& error) {
    return !code || *code == error.code() ? error.what()
                                          : "(other code) " + std::string(error.what());
  }
  return "";
}

inline wire::Frame frame_of(std::string_view head, std::string_view body = {}) {
  return {copy_of(view_of(head)), copy_of(view_of(body))};
}

inline std::string head_of(const wire::Frame& frame) {
  return std::string(text_of(frame.head));
}

/// A frame and who sent it.
struct Received {
  ConnectionId from;
  ClientId client;
  wire::Frame frame;
};

/// A server on a free port that answers every frame with itself, and remembers it.
class EchoServer {
 public:
  explicit EchoServer(Registry registry, ZmqServerOptions options = {})
      : keys_(options.keys.secret_key.empty() ? generate_keys() : options.keys) {
    if (options.endpoint == ZmqServerOptions{}.endpoint) {
      options.endpoint = "tcp://127.0.0.1:*";
    }
    options.keys = keys_;
    options.registry = std::move(registry);
    server_.emplace(std::move(options));
    server_->start([this](ConnectionId from, const ClientId& client, wire::Frame frame) {
      server_->send(from, frame);
      received.put({from, client, std::move(frame)});
    });
  }
  ~EchoServer() { server_->stop(); }

  ZmqServer& operator*() { return *server_; }
  ZmqServer* operator->() { return &*server_; }
  const KeyPair& keys() const { return keys_; }

  Mailbox<Received> received;

 private:
  KeyPair keys_;
  std::optional<ZmqServer> server_;
};

struct LinkNote {
  LinkEvent event;
  std::string detail;
};

/// Options with waits short enough for tests.
inline ZmqClientOptions quick(const std::string& endpoint,
                              const KeyPair& keys,
                              const std::string& server_public_key) {
  ZmqClientOptions options;
  options.endpoint = endpoint;
  options.keys = keys;
  options.server_public_key = server_public_key;
  options.reconnect_low = std::chrono::milliseconds(10);
  options.reconnect_high = std::chrono::milliseconds(30);
  options.reconnect_cap = std::chrono::milliseconds(50);
  options.retry_low = std::chrono::milliseconds(10);
  options.retry_cap = std::chrono::milliseconds(50);
  return options;
}

/// A client that remembers what it hears.
class TestClient {
 public:
  explicit TestClient(ZmqClientOptions options) : client_(std::move(options)) {
    client_.start([this](wire::Frame frame) { received.put(std::move(frame)); },
                  [this](LinkEvent event, const std::string& detail) {
                    links.put({event, detail});
                  });
  }
  TestClient(EchoServer& server, const KeyPair& keys)
      : TestClient(quick(server->endpoint(), keys, server.keys().public_key)) {}
  ~TestClient() { client_.stop(); }

  ZmqClient& operator*() { return client_; }
  ZmqClient* operator->() { return &client_; }

  /// Waits for `event`. Returns its detail, or "" if it does not come.
  std::string wait_for(LinkEvent event) {
    const auto link = links.wait_for([&](const LinkNote& l) { return l.event == event; });
    return link ? link->detail : "";
  }
  bool connected() { return !wait_for(LinkEvent::kConnected).empty(); }

  /// Sends `frame` and waits for the same one to come back.
  bool echoes(const wire::Frame& frame) {
    client_.send(frame);
    return received.wait_for([&](const wire::Frame& f) { return f == frame; }).has_value();
  }

  Mailbox<wire::Frame> received;
  Mailbox<LinkNote> links;

 private:
  ZmqClient client_;
};

/// A registry of clients with fresh keys.
struct Enrolled {
  Registry registry;
  std::map<std::string, KeyPair> keys;

  explicit Enrolled(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      keys[name] = generate_keys();
      registry.enrol(name, keys[name].public_key);
    }
  }
};

}  // namespace lorae::transport
