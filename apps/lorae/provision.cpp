#include <algorithm>
#include <cstdio>
#include <set>

#include "apps/lorae/commands.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/ids.h"
#include "transport/home_keys.h"
#include "transport/keys.h"
#include "transport/registry.h"

namespace lorae::apps {
namespace {

namespace fs = std::filesystem;

std::string client_toml(const std::string& name, const std::string& coordinator) {
  return str(
      "# A client of a federation: run lorae-client in this folder.\n"
      "name            = \"",
      name,
      "\"\n"
      "coordinator     = \"",
      coordinator,
      "\"\n"
      "coordinator_key = \"coordinator.pub\"   # the client refuses any other peer\n"
      "key             = \"",
      name,
      ".key\"   # secret: stays on this device, mode 0600\n"
      "\n"
      "# Private images: a folder with one sub-folder per class, CIFAR-10/100 binary files\n"
      "# or Fashion-MNIST IDX files. They never leave this device.\n"
      "# data      = \"/path/to/images\"\n"
      "# partition = \"1/20\"              # train on a part of them only\n");
}

std::string coordinator_toml(const std::string& bind, std::size_t clients) {
  return str(
      "# A coordinator: lorae-coordinator --home . --config coordinator.toml\n"
      "# lorae-coordinator --print-config lists every key with its default.\n"
      "[network]\nbind = \"",
      bind,
      "\"\n\n"
      "[federation]\nrounds      = 50\nclients     = ",
      clients, "\nmin_clients = ", clients, "   # a round waits until so many are here\n");
}

/// tcp://HOST:PORT -> tcp://0.0.0.0:PORT: clients name the host, the coordinator listens.
std::string bind_address(const std::string& coordinator) {
  const std::size_t colon = coordinator.rfind(':');
  const bool valid = coordinator.starts_with("tcp://") && colon != std::string::npos &&
                     colon > std::string("tcp://").size() && colon + 1 < coordinator.size() &&
                     coordinator.find_first_not_of("0123456789", colon + 1) == std::string::npos;
  check(valid, ErrorCode::kInvalidConfig,
        "[provision] --coordinator: expected tcp://HOST:PORT, got '", coordinator, "'");
  return "tcp://0.0.0.0" + coordinator.substr(colon);
}

void check_names(const std::vector<std::string>& names) {
  std::set<std::string> seen;
  check(!names.empty(), ErrorCode::kInvalidConfig,
        "[provision] --clients: expected NAME[,NAME...]");
  for (const std::string& name : names) {
    check(is_client_name(name) && name != "coordinator", ErrorCode::kInvalidConfig, "[provision] '",
          name,
          "' is not a client name: expected 1 to 64 letters, digits, '.', "
          "'_' or '-', and not 'coordinator'");
    check(seen.insert(name).second, ErrorCode::kInvalidConfig, "[provision] '", name,
          "' is named twice");
  }
}

}  // namespace

void provision(const ProvisionOptions& options) {
  check_names(options.clients);
  const std::string bind = bind_address(options.coordinator);
  check(!fs::exists(options.out) || fs::is_empty(options.out), ErrorCode::kInvalidConfig,
        "[provision] '", options.out.string(), "' is not empty; choose another --out");
  const fs::path home = options.out / "coordinator";
  ensure_directory(home);
  const transport::KeyPair coordinator = transport::write_keys(home, "coordinator");
  const Bytes public_key_file = read_file(home / "coordinator.pub");
  transport::Registry registry;
  for (const std::string& name : options.clients) {
    const fs::path folder = options.out / name;
    ensure_directory(folder);
    const transport::KeyPair keys = transport::write_keys(folder, name);
    write_file_atomic(folder / "coordinator.pub", public_key_file);
    write_file_atomic(folder / "client.toml", client_toml(name, options.coordinator));
    registry.enrol(name, keys.public_key);
  }
  registry.save(transport::registry_path(home));
  write_file_atomic(home / "coordinator.toml", coordinator_toml(bind, options.clients.size()));
  std::printf(
      "%zu device folders and the coordinator's in %s\n"
      "copy each to its machine; then there:\n"
      "  coordinator:  lorae-coordinator --home . --config coordinator.toml\n"
      "  devices:      lorae-client\n",
      options.clients.size(), options.out.c_str());
}

}  // namespace lorae::apps
