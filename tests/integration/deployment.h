#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/integration/process.h"

namespace lorae::test {

/// Four clients, three per round; small enough that a round takes well under a second.
inline constexpr int kClients = 4;
inline constexpr int kCohort = 3;

/// Writes the small experiment's configuration. `rounds` of them; Fashion-MNIST. `more`: text
/// behind it.
std::filesystem::path write_small_config(const std::filesystem::path& folder,
                                         int rounds,
                                         const std::string& more = {});

/// True if the real data that the integration tests train on is installed.
bool has_fashion_mnist();

/// A coordinator and its clients on loopback, in one home.
class Deployment {
 public:
  Deployment(std::filesystem::path folder, int rounds, const std::string& more = {});

  std::vector<std::string> coordinator_command() const;
  /// `more`: flags besides.
  void start_coordinator(const std::vector<std::string>& more = {});
  /// `port` 0: the coordinator's.
  void start_client(int index, int port = 0);
  void start_clients(const std::vector<int>& order = {0, 1, 2, 3});
  /// Flags that a client has from now on, whenever it is started.
  void set_client_flags(int index, std::vector<std::string> flags);

  Process& coordinator() { return *coordinator_; }
  Process& client(int index) { return *clients_.at(static_cast<std::size_t>(index)); }
  /// Ends a process as a power cut would.
  void kill_coordinator();
  void kill_client(int index);

  /// Waits for the coordinator and returns the digest in its summary; "" if it failed.
  std::string digest(std::chrono::seconds patience = std::chrono::seconds(240));
  /// The exit status of every client, in order.
  std::vector<int> client_statuses(std::chrono::seconds patience = std::chrono::seconds(30));

  const std::filesystem::path& home() const { return home_; }
  int port() const { return port_; }
  /// The one run directory of the home.
  std::filesystem::path run_directory() const;
  std::string coordinator_output() const { return coordinator_->output(); }
  std::string coordinator_errors() const { return coordinator_->errors(); }

 private:
  std::filesystem::path folder_;
  std::filesystem::path home_;
  std::filesystem::path config_;
  int port_;
  std::unique_ptr<Process> coordinator_;
  std::vector<std::unique_ptr<Process>> clients_;
  std::map<int, std::vector<std::string>> client_flags_;
};

std::string client_name(int index);

/// The value of `key` in the last line of `output` that has it, as JSON text.
std::string json_value(const std::string& output, const std::string& key);

}  // namespace lorae::test
