#pragma once

#include <filesystem>
#include <string>

#include "base/config_reader.h"
#include "tensors/device.h"
#include "transport/keys.h"

namespace lorae::apps {

/// client.toml: who this device is, whom it talks to, and where its private images are.
struct ClientOptions {
  std::string name;
  std::string coordinator = "tcp://127.0.0.1:7227";
  std::string coordinator_key;
  std::string key;
  std::string data;
  std::string partition;
  std::string class_map;
  std::int64_t rank_max = 0;
  DeviceOptions compute;
};

template <typename Visitor>
void visit_fields(ClientOptions& options, Visitor&& visit) {
  visit("name", options.name, anything(), "as enrolled with the coordinator");
  visit("coordinator", options.coordinator, anything(), "tcp://HOST:PORT");
  visit("coordinator_key", options.coordinator_key, anything(),
        "file with its public key; empty: the one in this home");
  visit("key", options.key, anything(), "file with this device's secret key; empty: in this home");
  visit("data", options.data, anything(), "private images: folder, CIFAR or IDX; empty: a share");
  visit("partition", options.partition, anything(), "take only a part of them, such as \"3/20\"");
  visit("class_map", options.class_map, anything(),
        "own class names to the run's: \"tabby=cat, doggo=dog\"");
  visit("rank_max", options.rank_max, between(0, 1024),
        "components of each adapter that this device trains and sends at most; 0: all");
  visit_fields(options.compute, visit);
}

/// What a client dials with.
struct Identity {
  transport::KeyPair keys;
  std::string coordinator_public_key;
};

/// Reads the keys that the options name. Without key files both are taken from `home`, made there
/// if missing, and the client enrols itself in the home's registry: one user, one machine.
/// Errors: kInvalidConfig for missing, unsafe or malformed key files and names.
Identity resolve_identity(const ClientOptions& options, const std::filesystem::path& home);

}  // namespace lorae::apps
