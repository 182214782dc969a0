#include "transport/home_keys.h"

#include <gtest/gtest.h>

#include "tests/transport/helpers.h"
#include "transport/registry.h"

namespace lorae::transport {
namespace {

TEST(HomeKeys, AreMadeOnFirstUseAndKept) {
  const TemporaryFolder home;

  const KeyPair keys = coordinator_keys(home.path());

  EXPECT_EQ(coordinator_keys(home.path()), keys);
  EXPECT_EQ(read_public_key(home / "coordinator.pub"), keys.public_key);
}

TEST(HomeKeys, ALocalClientIsEnrolledOnFirstUse) {
  const TemporaryFolder home;

  const KeyPair keys = local_client_keys(home.path(), "pi-1");

  EXPECT_EQ(local_client_keys(home.path(), "pi-1"), keys);
  const Registry registry = Registry::load(registry_path(home.path()));
  ASSERT_NE(registry.find(keys.public_key), nullptr);
  EXPECT_EQ(registry.find(keys.public_key)->name, "pi-1");
}

TEST(HomeKeys, ARevokedLocalClientStaysRevoked) {
  const TemporaryFolder home;
  local_client_keys(home.path(), "pi-1");
  update_registry(registry_path(home.path()), [](Registry& r) { r.revoke("pi-1"); });

  EXPECT_NE(error_of([&] { local_client_keys(home.path(), "pi-1"); }, ErrorCode::kInvalidConfig),
            "");

  EXPECT_FALSE(Registry::load(registry_path(home.path())).is_active({"pi-1"}));
}

TEST(HomeKeys, NobodyIsToldWhenNoCoordinatorRuns) {
  const TemporaryFolder home;

  EXPECT_FALSE(notify_coordinator(home.path()));
}

}  // namespace
}  // namespace lorae::transport
