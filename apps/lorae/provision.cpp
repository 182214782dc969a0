#include <algorithm>
#include <set>

#include "apps/client/options.h"
#include "apps/common/output.h"
#include "apps/lorae/commands.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
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

/// How many of `clients` a round waits for: four fifths, and never all if there are several.
std::size_t clients_to_wait_for(std::size_t clients) {
  const std::size_t most = (4 * clients + 4) / 5;
  return std::max<std::size_t>(1, std::min(clients - 1, most));
}

std::string coordinator_toml(const std::string& bind, std::size_t clients) {
  return str(
      "# A coordinator: lorae-coordinator --home . --config coordinator.toml\n"
      "# lorae-coordinator --print-config lists every key with its default.\n"
      "[network]\nbind = \"",
      bind,
      "\"\n\n"
      "[federation]\nrounds      = 50\nclients     = ",
      clients, "\nmin_clients = ", clients_to_wait_for(clients),
      "   # a round waits until so many are here; fewer than all,\n"
      "                  # so that one device that is off does not stop the others\n");
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

void check_names(const char* flag, const std::vector<std::string>& names) {
  std::set<std::string> seen;
  check(!names.empty(), ErrorCode::kInvalidConfig, "[provision] ", flag,
        ": expected NAME[,NAME...]");
  for (const std::string& name : names) {
    check(is_client_name(name) && name != "coordinator", ErrorCode::kInvalidConfig, "[provision] '",
          name,
          "' is not a client name: expected 1 to 64 letters, digits, '.', "
          "'_' or '-', and not 'coordinator'");
    check(seen.insert(name).second, ErrorCode::kInvalidConfig, "[provision] '", name,
          "' is named twice");
  }
}

/// Folders that this command makes; they go away again unless it succeeds.
class NewFolders {
 public:
  NewFolders() = default;
  ~NewFolders() {
    for (const fs::path& folder : made_) {
      std::error_code ignored;
      fs::remove_all(folder, ignored);
    }
  }
  NewFolders(const NewFolders&) = delete;
  NewFolders& operator=(const NewFolders&) = delete;

  void make(const fs::path& folder) {
    std::error_code error;
    const bool made = fs::create_directory(folder, error);
    check(!error, ErrorCode::kInvalidConfig, "[provision] cannot make '", folder.string(),
          "': ", error.message());
    check(made, ErrorCode::kInvalidConfig, "[provision] '", folder.string(),
          "' exists; choose another name, or move it away");
    made_.push_back(folder);
  }
  void keep() { made_.clear(); }

 private:
  std::vector<fs::path> made_;
};

/// Fills a device's folder. Returns its public key.
std::string write_device(const fs::path& folder,
                         const std::string& name,
                         const std::string& coordinator,
                         ByteView coordinator_pub) {
  const transport::KeyPair keys = transport::write_keys(folder, name);
  write_file_atomic(folder / "coordinator.pub", coordinator_pub);
  write_file_atomic(folder / "client.toml", client_toml(name, coordinator));
  return keys.public_key;
}

/// The coordinator's address in the client.toml files of a kit.
std::string coordinator_of(const fs::path& kit) {
  std::set<std::string> all;
  for (const fs::directory_entry& entry : fs::directory_iterator(kit)) {
    const fs::path file = entry.path() / "client.toml";
    if (fs::is_regular_file(file)) {
      ClientOptions options;
      ConfigReader::load(file).read("", options);
      all.insert(options.coordinator);
    }
  }
  const std::vector<std::string> found(all.begin(), all.end());
  check(!found.empty(), ErrorCode::kInvalidConfig, "[provision] no device folder is left in '",
        kit.string(),
        "' whose client.toml says where the coordinator is; give --coordinator "
        "tcp://HOST:PORT");
  check(found.size() == 1, ErrorCode::kInvalidConfig, "[provision] the devices in '", kit.string(),
        "' have different coordinators: ", join(found), "; choose with --coordinator");
  return found.front();
}

void check_kit(const fs::path& kit) {
  for (const char* file : {"coordinator.key", "coordinator.pub", "registry"}) {
    check(fs::is_regular_file(kit / "coordinator" / file), ErrorCode::kInvalidConfig,
          "[provision] '", kit.string(), "' is no kit of lorae provision: expected coordinator/",
          file, " in it; make one with --clients");
  }
}

std::string plural(std::size_t count, const char* what) {
  return str(count, ' ', what, count == 1 ? "" : "s");
}

}  // namespace

void provision(const ProvisionOptions& options) {
  check_names("--clients", options.clients);
  const std::string bind = bind_address(options.coordinator);
  check(!fs::exists(options.out) || fs::is_empty(options.out), ErrorCode::kInvalidConfig,
        "[provision] '", options.out.string(),
        "' is not empty; choose another --out, or --add to "
        "the kit that it is");
  const fs::path home = options.out / "coordinator";
  ensure_home(options.out);  // a kit is full of homes
  NewFolders folders;
  folders.make(home);
  transport::write_keys(home, "coordinator");
  const Bytes public_key_file = read_file(home / "coordinator.pub");
  transport::Registry registry;
  for (const std::string& name : options.clients) {
    folders.make(options.out / name);
    registry.enrol(name,
                   write_device(options.out / name, name, options.coordinator, public_key_file));
  }
  registry.save(transport::registry_path(home));
  write_file_atomic(home / "coordinator.toml", coordinator_toml(bind, options.clients.size()));
  folders.keep();
  say("{} device folders and the coordinator's in {}\n"
      "copy each to its machine; then there:\n"
      "  coordinator:  lorae-coordinator --home . --config coordinator.toml\n"
      "  devices:      lorae-client\n",
      options.clients.size(), options.out.string());
}

void add_to_kit(const ProvisionOptions& options) {
  check_names("--add", options.clients);
  check_kit(options.out);
  ensure_home(options.out);
  const fs::path home = options.out / "coordinator";
  const std::string address =
      options.coordinator.empty() ? coordinator_of(options.out) : options.coordinator;
  bind_address(address);  // only to check it
  const Bytes public_key_file = read_file(home / "coordinator.pub");
  NewFolders folders;
  std::vector<std::string> keys;
  for (const std::string& name : options.clients) {
    folders.make(options.out / name);
    keys.push_back(write_device(options.out / name, name, address, public_key_file));
  }
  std::size_t enrolled = 0;
  transport::update_registry(transport::registry_path(home), [&](transport::Registry& registry) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      registry.enrol(options.clients[i], keys[i]);
    }
    enrolled = static_cast<std::size_t>(
        std::ranges::count_if(registry.entries(), &transport::Registry::Entry::active));
  });
  folders.keep();
  const bool running = transport::notify_coordinator(home);
  say("{} added to {}: copy each to its machine; there: lorae-client\n"
      "{} enrolled in {}; {}\n",
      plural(keys.size(), "device folder"), options.out.string(), plural(enrolled, "client"),
      transport::registry_path(home).string(),
      running ? "the running coordinator has been told"
              : "no coordinator runs on this home, the next one reads it");
  if (!running) {
    say("a coordinator that runs from a copy of {} is told there, with its own --home:\n",
        home.string());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      say("  lorae enrol {} '{}' --home DIR\n", options.clients[i], keys[i]);
    }
  }
  say("{} is as it was: look at its clients and min_clients\n",
      (home / "coordinator.toml").string());
}

}  // namespace lorae::apps
