#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lorae::apps {

// One function per subcommand of `lorae`. Errors: lorae::Error; main turns it into an exit status.

struct ProvisionOptions {
  std::filesystem::path out;         ///< must not exist, or be empty
  std::vector<std::string> clients;  ///< names
  std::string coordinator;           ///< tcp://HOST:PORT as clients reach it
};

/// Writes a folder per device (its key, the coordinator's public key, client.toml) and one for the
/// coordinator (key, registry, coordinator.toml). Errors: kInvalidConfig.
void provision(const ProvisionOptions& options);

/// Makes NAME.key and NAME.pub in `folder` and prints the public key.
void keygen(const std::string& name, const std::filesystem::path& folder);

/// Changes the registry of `home` and tells a coordinator that runs there.
void enrol(const std::filesystem::path& home, const std::string& name, const std::string& key);
void revoke(const std::filesystem::path& home, const std::string& name);

/// Prints the digest of the tensors of a safetensors file.
void print_digest(const std::filesystem::path& file);

}  // namespace lorae::apps
