#pragma once

#include <filesystem>
#include <string>

#include "transport/keys.h"

namespace lorae::transport {

// What of a home folder has to do with keys:
//   coordinator.key, coordinator.pub   the coordinator's pair
//   registry                           the clients it lets in
//   clients/NAME.key, NAME.pub         pairs of clients that run on this machine
//   coordinator.lock                   held, with its process id inside, while a coordinator runs

std::filesystem::path registry_path(const std::filesystem::path& home);
std::filesystem::path coordinator_lock_path(const std::filesystem::path& home);

/// The pair of the coordinator of this home; made on first use, whichever program comes first.
/// Errors: kInvalidConfig if the home cannot be written or a key file is unsafe or malformed.
KeyPair coordinator_keys(const std::filesystem::path& home);

/// The pair of a client of this home; made, and enrolled in the home's registry, on first use. A
/// coordinator that is running on this home is told to read the registry again.
/// Errors: as coordinator_keys; kInvalidConfig if the client was revoked.
KeyPair local_client_keys(const std::filesystem::path& home, const std::string& name);

/// True if a coordinator has its home here: if its key is here.
bool has_coordinator(const std::filesystem::path& home);

/// The command that lets a client in, for a message: "lorae enrol cam-1 'KEY' --home /srv/lorae",
/// quoted for a shell. --home is left out only for ~/.local/state/lorae, which everybody's `lorae`
/// takes by itself. `name`: "NAME" if it is not known.
std::string enrol_hint(const std::filesystem::path& home,
                       const std::string& name,
                       const std::string& public_key);

/// What the coordinator of `home` may say about a key that it has just turned away: "to let it in:
/// " and the command; or, for a revoked one, who it was and no command. "" for no key. Reads the
/// registry; throws nothing.
std::string denial_hint(const std::filesystem::path& home, const std::string& public_key);

/// Sends SIGHUP to the coordinator that runs on this home, if there is one; see holder_of.
bool notify_coordinator(const std::filesystem::path& home);

}  // namespace lorae::transport
