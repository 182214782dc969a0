#include <cstdio>

#include "apps/lorae/commands.h"
#include "base/atomic_file.h"
#include "transport/home_keys.h"
#include "transport/keys.h"
#include "transport/registry.h"

namespace lorae::apps {
namespace {

void update(const std::filesystem::path& home,
            const char* what,
            const std::string& name,
            const std::function<void(transport::Registry&)>& edit) {
  ensure_directory(home);
  transport::update_registry(transport::registry_path(home), edit);
  const bool running = transport::notify_coordinator(home);
  std::printf("%s %s in %s%s\n", what, name.c_str(), transport::registry_path(home).c_str(),
              running ? "; the running coordinator has been told" : "");
}

}  // namespace

void keygen(const std::string& name, const std::filesystem::path& folder) {
  ensure_directory(folder);
  const transport::KeyPair keys = transport::write_keys(folder, name);
  std::printf("%s\n", keys.public_key.c_str());
}

void enrol(const std::filesystem::path& home, const std::string& name, const std::string& key) {
  update(home, "enrolled", name, [&](transport::Registry& registry) { registry.enrol(name, key); });
}

void revoke(const std::filesystem::path& home, const std::string& name) {
  update(home, "revoked", name, [&](transport::Registry& registry) { registry.revoke(name); });
}

}  // namespace lorae::apps
