#include "transport/home_keys.h"

#include <csignal>
#include <cstdlib>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/ids.h"
#include "transport/registry.h"

namespace lorae::transport {
namespace {

namespace fs = std::filesystem;

KeyPair keys_in(const fs::path& folder, const std::string& name) {
  ensure_directory(folder);
  // Coordinator and clients of one home may start at the same moment.
  const FileLock lock(folder / ".keys.lock", FileLock::Wait::kYes);
  const fs::path secret = folder / (name + ".key");
  return fs::exists(secret) ? read_keys(secret) : write_keys(folder, name);
}

}  // namespace

fs::path registry_path(const fs::path& home) {
  return home / "registry";
}

fs::path coordinator_lock_path(const fs::path& home) {
  return home / "coordinator.lock";
}

KeyPair coordinator_keys(const fs::path& home) {
  return keys_in(home, "coordinator");
}

KeyPair local_client_keys(const fs::path& home, const std::string& name) {
  check(is_client_name(name), ErrorCode::kInvalidConfig, "[client] '", name,
        "' is not a name: expected 1 to 64 letters, digits, '.', '_' or '-'");
  const KeyPair keys = keys_in(home / "clients", name);
  bool added = false;
  update_registry(registry_path(home), [&](Registry& registry) {
    for (const Registry::Entry& entry : registry.entries()) {
      check(entry.client.name != name || entry.active, ErrorCode::kInvalidConfig, "[client] '",
            name, "' was revoked; to let it in again: lorae enrol ", name, " '", keys.public_key,
            "'");
    }
    if (registry.find(keys.public_key) == nullptr) {
      registry.enrol(name, keys.public_key);
      added = true;
    }
  });
  if (added) {
    notify_coordinator(home);
  }
  return keys;
}

bool notify_coordinator(const fs::path& home) {
  const fs::path lock = coordinator_lock_path(home);
  if (!is_locked(lock)) {
    return false;  // a process id in a lock that nobody holds is stale
  }
  const Bytes text = read_file(lock);
  const int process = std::atoi(std::string(text_of(text)).c_str());
  return process > 1 && ::kill(process, SIGHUP) == 0;
}

}  // namespace lorae::transport
