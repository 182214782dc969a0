#include "transport/home_keys.h"

#include <csignal>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/home.h"
#include "base/ids.h"
#include "base/text.h"
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

/// Absolute, without ".." and a slash at the end.
fs::path normal(const fs::path& folder) {
  std::error_code no_working_folder;
  const fs::path whole = fs::absolute(folder, no_working_folder).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

/// True if whoever types `lorae` without --home means this home. With variables set that is not
/// sure: another terminal may lack them.
bool goes_without_saying(const fs::path& home) {
  return default_home_variable() == "HOME" && normal(default_home()) == normal(home);
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
            name, "' was revoked; to let it in again: ", enrol_hint(home, name, keys.public_key));
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

bool has_coordinator(const fs::path& home) {
  std::error_code unreadable;
  return fs::is_regular_file(home / "coordinator.key", unreadable);
}

std::string enrol_hint(const fs::path& home,
                       const std::string& name,
                       const std::string& public_key) {
  // A key is always quoted: it reads as one word, and may begin with # or -.
  return str("lorae enrol ", shell_quoted(name), " '", public_key, "'",
             goes_without_saying(home) ? "" : " --home " + shell_quoted(normal(home).string()));
}

std::string denial_hint(const fs::path& home, const std::string& public_key) {
  if (public_key.empty()) {
    return {};
  }
  try {
    const Registry registry = Registry::load(registry_path(home));
    if (const Registry::Entry* entry = registry.entry_of(public_key);
        entry != nullptr && !entry->active) {
      return str("it was revoked, as client '", entry->client, "'");
    }
  } catch (const std::exception&) {  // the registry's own watcher complains about it
  }
  return "to let it in: " + enrol_hint(home, "NAME", public_key);
}

bool notify_coordinator(const fs::path& home) {
  const auto process = holder_of(coordinator_lock_path(home), "lorae-coordinator");
  return process && ::kill(*process, SIGHUP) == 0;
}

}  // namespace lorae::transport
