#include "transport/registry.h"
#include "apps/common/output.h"
#include "apps/lorae/commands.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/home.h"
#include "transport/home_keys.h"
#include "transport/keys.h"

namespace lorae::apps {
namespace {

namespace fs = std::filesystem;

std::string how_chosen(const HomeChoice& home) {
  if (home.by_flag) {
    return "from --home";
  }
  const std::string_view variable = default_home_variable();
  return variable == "HOME" ? "the default" : str("from ", variable);
}

/// Else a registry would be written that no coordinator reads.
void expect_coordinator(const char* command, const HomeChoice& home) {
  check(transport::has_coordinator(home.folder), ErrorCode::kInvalidConfig, '[', command,
        "] no coordinator has its home in ", fs::absolute(home.folder).lexically_normal().string(),
        " (", how_chosen(home),
        "): expected coordinator.key there; name its home with --home DIR; ",
        "a coordinator prints it when it starts");
}

void update(const HomeChoice& home,
            const char* done,
            const std::string& name,
            const std::function<void(transport::Registry&)>& edit) {
  const fs::path path = transport::registry_path(home.folder);
  transport::update_registry(path, edit);
  const bool running = transport::notify_coordinator(home.folder);
  say("{} {} in {}; {}\n", done, name, fs::absolute(path).lexically_normal().string(),
      running ? "the running coordinator has been told"
              : "no coordinator runs on this home, the next one reads it");
}

/// `given`: a key, or the path of a .pub file.
std::string public_key_from(const std::string& given) {
  const fs::path path = given;
  std::error_code unreadable;
  if (fs::is_regular_file(path, unreadable)) {
    check(path.extension() != ".key", ErrorCode::kInvalidConfig, "[enrol] '", given,
          "' holds a secret key, which stays on its device: expected the public one, '",
          fs::path(path).replace_extension(".pub").string(), "'");
    return transport::read_public_key(path);
  }
  check(transport::is_key(given), ErrorCode::kInvalidConfig, "[enrol] '", given,
        "' is no public key: expected 40 characters of Z85 in '...', or the path of a .pub file; ",
        "got ", given.size(), " characters, and no file of that name");
  return given;
}

}  // namespace

void keygen(const std::string& name, const fs::path& folder) {
  ensure_home(folder);
  const transport::KeyPair keys = transport::write_keys(folder, name);
  say("{}\n", keys.public_key);
}

void enrol(const HomeChoice& home, const std::string& name, const std::string& key) {
  const std::string public_key = public_key_from(key);
  expect_coordinator("enrol", home);
  const fs::path own = home.folder / "coordinator.pub";  // device folders hold a copy, too
  check(!fs::exists(own) || transport::read_public_key(own) != public_key,
        ErrorCode::kInvalidConfig, "[enrol] this is the coordinator's own key: expected that of '",
        name, "', from its own .pub file");
  update(home, "enrolled", name,
         [&](transport::Registry& registry) { registry.enrol(name, public_key); });
}

void revoke(const HomeChoice& home, const std::string& name) {
  expect_coordinator("revoke", home);
  update(home, "revoked", name, [&](transport::Registry& registry) { registry.revoke(name); });
}

}  // namespace lorae::apps
