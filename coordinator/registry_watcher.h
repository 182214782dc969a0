#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "transport/zmq_server.h"

namespace lorae::coordinator {

/// Reads the registry again on SIGHUP and hands it to the socket, on a thread of its own, so that
/// clients can be enrolled from the first moment on, while the backbone is still being trained.
/// A file with a mistake is reported and the old registry stays in force.
class RegistryWatcher {
 public:
  struct Events {
    std::function<void(std::size_t clients)> on_loaded;
    std::function<void(const std::string& problem)> on_rejected;
  };

  RegistryWatcher(std::filesystem::path registry, transport::ZmqServer& socket, Events events);
  ~RegistryWatcher();
  RegistryWatcher(const RegistryWatcher&) = delete;
  RegistryWatcher& operator=(const RegistryWatcher&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lorae::coordinator
