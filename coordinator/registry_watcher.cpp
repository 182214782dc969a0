#include "coordinator/registry_watcher.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <thread>
#include <utility>

#include "base/error.h"
#include "transport/registry.h"

namespace lorae::coordinator {

struct RegistryWatcher::State {
  std::filesystem::path path;
  transport::ZmqServer& socket;
  Events events;
  boost::asio::io_context io{1};
  boost::asio::signal_set signals{io, SIGHUP};
  std::thread thread;

  State(std::filesystem::path registry, transport::ZmqServer& server, Events callbacks)
      : path(std::move(registry)), socket(server), events(std::move(callbacks)) {}

  void wait() {
    signals.async_wait([this](auto error, int /*signal*/) {
      if (!error) {
        reload();
        wait();
      }
    });
  }

  void reload() {
    try {
      auto registry = transport::Registry::load(path);
      const std::size_t clients = registry.entries().size();
      socket.set_registry(std::move(registry));
      events.on_loaded(clients);
    } catch (const Error& error) {
      events.on_rejected(error.what());
    }
  }
};

RegistryWatcher::RegistryWatcher(std::filesystem::path registry,
                                 transport::ZmqServer& socket,
                                 Events events)
    : state_(std::make_unique<State>(std::move(registry), socket, std::move(events))) {
  state_->wait();
  // Somebody may have enrolled between the socket's load and the handler.
  boost::asio::post(state_->io, [this] { state_->reload(); });
  state_->thread = std::thread([this] { state_->io.run(); });
}

RegistryWatcher::~RegistryWatcher() {
  state_->io.stop();
  state_->thread.join();
}

}  // namespace lorae::coordinator
