#include "tests/integration/deployment.h"

#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

namespace lorae::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kData = "/usr/share/datasets/fashion-mnist";

}  // namespace

bool has_fashion_mnist() {
  return fs::exists(kData);
}

fs::path write_small_config(const fs::path& folder, int rounds, const std::string& more) {
  const fs::path path = folder / "small.toml";
  std::ofstream(path) << "seed = 7\n"
                         "[model]\nname = \"resnet8\"\npool = 4\n"
                         "[data]\npublic_images = 400\nprivate_images = 200\ntest_images = 100\n"
                         "partition = \"iid\"\n"
                         "[pretraining]\nepochs = 1\n"
                         "[training]\nlocal_epochs = 1\n"
                         "[federation]\nrounds = "
                      << rounds << "\nclients = " << kClients << "\ncohort = " << kCohort
                      << "\nmin_clients = " << kClients
                      << "\nheartbeat = 1\n[simulation]\nseeds = [7]\nbaseline = \"lorae-r8\"\n"
                      << more;
  return path;
}

std::string client_name(int index) {
  return "client-0" + std::to_string(index + 1);
}

Deployment::Deployment(fs::path folder, int rounds, const std::string& more)
    : folder_(std::move(folder)),
      home_(folder_ / "home"),
      config_(write_small_config(folder_, rounds, more)),
      port_(free_port()),
      clients_(kClients) {}

std::vector<std::string> Deployment::coordinator_command() const {
  return {"lorae-coordinator",
          "--config",
          config_.string(),
          "--home",
          home_.string(),
          "--bind",
          "tcp://127.0.0.1:" + std::to_string(port_),
          "--json"};
}

void Deployment::start_coordinator(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = coordinator_command();
  arguments.insert(arguments.end(), more.begin(), more.end());
  coordinator_ = std::make_unique<Process>(
      Process::Options{.arguments = arguments, .output = folder_ / "coordinator.out"});
}

void Deployment::start_client(int index, int port) {
  const std::string name = client_name(index);
  std::vector<std::string> arguments = {
      "lorae-client",
      "--home",
      home_.string(),
      "--name",
      name,
      "--coordinator",
      "tcp://127.0.0.1:" + std::to_string(port == 0 ? port_ : port)};
  const std::vector<std::string>& more = client_flags_[index];
  arguments.insert(arguments.end(), more.begin(), more.end());
  clients_.at(static_cast<std::size_t>(index)) = std::make_unique<Process>(
      Process::Options{.arguments = arguments, .output = folder_ / (name + ".out")});
}

void Deployment::set_client_flags(int index, std::vector<std::string> flags) {
  client_flags_[index] = std::move(flags);
}

void Deployment::start_clients(const std::vector<int>& order) {
  for (const int index : order) {
    start_client(index);
  }
}

void Deployment::kill_coordinator() {
  coordinator_->kill(SIGKILL);
  coordinator_->wait(std::chrono::seconds(10));
}

void Deployment::kill_client(int index) {
  client(index).kill(SIGKILL);
  client(index).wait(std::chrono::seconds(10));
}

std::string Deployment::digest(std::chrono::seconds patience) {
  return coordinator_->wait(patience) == 0 ? json_value(coordinator_->output(), "digest") : "";
}

std::vector<int> Deployment::client_statuses(std::chrono::seconds patience) {
  std::vector<int> statuses;
  for (const auto& process : clients_) {
    statuses.push_back(process->wait(patience).value_or(-1));
  }
  return statuses;
}

fs::path Deployment::run_directory() const {
  return fs::directory_iterator(home_ / "runs")->path();
}

std::string json_value(const std::string& output, const std::string& key) {
  std::istringstream lines(output);
  std::string line;
  std::string value;
  while (std::getline(lines, line)) {
    const auto object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (object.is_object() && object.contains(key)) {
      value = object[key].is_string() ? object[key].get<std::string>() : object[key].dump();
    }
  }
  return value;
}

}  // namespace lorae::test
