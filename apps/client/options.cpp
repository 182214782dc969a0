#include "apps/client/options.h"

#include "base/error.h"
#include "transport/home_keys.h"

namespace lorae::apps {

Identity resolve_identity(const ClientOptions& options, const std::filesystem::path& home) {
  check(!options.name.empty(), ErrorCode::kInvalidConfig,
        "[client] no name; give --name NAME, or run where a client.toml from "
        "'lorae provision' lies");
  Identity identity;
  identity.keys = options.key.empty() ? transport::local_client_keys(home, options.name)
                                      : transport::read_keys(options.key);
  identity.coordinator_public_key = options.coordinator_key.empty()
                                        ? transport::coordinator_keys(home).public_key
                                        : transport::read_public_key(options.coordinator_key);
  return identity;
}

}  // namespace lorae::apps
