#include "transport/home_keys.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "base/atomic_file.h"
#include "tests/base/home_variables.h"
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

  const std::string error =
      error_of([&] { local_client_keys(home.path(), "pi-1"); }, ErrorCode::kInvalidConfig);
  EXPECT_NE(error.find("--home " + home.path().string()), std::string::npos) << error;
  EXPECT_FALSE(Registry::load(registry_path(home.path())).is_active({"pi-1"}));
}

TEST(HomeKeys, SayWhetherACoordinatorHasItsHomeHere) {
  const TemporaryFolder home;
  EXPECT_FALSE(has_coordinator(home.path()));
  EXPECT_FALSE(has_coordinator(home / "nothing"));

  coordinator_keys(home.path());

  EXPECT_TRUE(has_coordinator(home.path()));
}

class EnrolHint : public testing::Test {
 protected:
  void SetUp() override { ::setenv("HOME", "/home/ada", 1); }

  static constexpr const char* kDefault = "/home/ada/.local/state/lorae";
  static constexpr const char* kKey = "-:#7paJ$}4N)1Kd]0*Xsz$0Y>:%[zE7!XJ(<lj&i";

 private:
  const HomeVariables none_;
};

TEST_F(EnrolHint, NamesAHomeThatIsNotTheDefault) {
  EXPECT_EQ(enrol_hint("/srv/lorae/", "pi-1", kKey),
            str("lorae enrol pi-1 '", kKey, "' --home /srv/lorae"));
  EXPECT_EQ(enrol_hint("/srv/ada's home/../my home", "pi-1", kKey),
            str("lorae enrol pi-1 '", kKey, "' --home '/srv/my home'"));
  const std::string here = std::filesystem::current_path();
  EXPECT_EQ(enrol_hint(".", "pi-1", kKey), str("lorae enrol pi-1 '", kKey, "' --home ", here));
}

TEST_F(EnrolHint, LeavesOutTheDefaultHome) {
  EXPECT_EQ(enrol_hint(kDefault, "pi-1", kKey), str("lorae enrol pi-1 '", kKey, "'"));
  EXPECT_EQ(enrol_hint(str(kDefault, "/"), "pi-1", kKey), str("lorae enrol pi-1 '", kKey, "'"));
}

TEST_F(EnrolHint, NamesAHomeThatAnotherTerminalWouldNotTake) {
  ::setenv("LORAE_HOME", "/srv/lorae", 1);

  EXPECT_EQ(enrol_hint("/srv/lorae", "pi-1", kKey),
            str("lorae enrol pi-1 '", kKey, "' --home /srv/lorae"));
  EXPECT_EQ(enrol_hint(kDefault, "pi-1", kKey),
            str("lorae enrol pi-1 '", kKey, "' --home ", kDefault));
}

TEST_F(EnrolHint, NeedsNoVariable) {
  ::unsetenv("HOME");

  EXPECT_EQ(enrol_hint("/srv/lorae", "pi-1", kKey),
            str("lorae enrol pi-1 '", kKey, "' --home /srv/lorae"));
}

TEST_F(EnrolHint, IsForStrangersAndNotForTheRevoked) {
  const TemporaryFolder home;
  const std::string stranger = generate_keys().public_key;
  const std::string revoked = generate_keys().public_key;
  update_registry(registry_path(home.path()), [&](Registry& registry) {
    registry.enrol("pi-1", revoked);
    registry.revoke("pi-1");
  });

  EXPECT_EQ(denial_hint(home.path(), stranger),
            "to let it in: " + enrol_hint(home.path(), "NAME", stranger));
  EXPECT_EQ(denial_hint(home.path(), revoked), "it was revoked, as client 'pi-1'");
  EXPECT_EQ(denial_hint(home.path(), ""), "");
}

TEST_F(EnrolHint, IsGivenThoughTheRegistryIsDamaged) {
  const TemporaryFolder home;
  write_file_atomic(registry_path(home.path()), "pi-1 nonsense\n");
  const std::string stranger = generate_keys().public_key;

  EXPECT_EQ(denial_hint(home.path(), stranger),
            "to let it in: " + enrol_hint(home.path(), "NAME", stranger));
}

TEST(HomeKeys, NobodyIsToldWhenNoCoordinatorRuns) {
  const TemporaryFolder home;

  EXPECT_FALSE(notify_coordinator(home.path()));
}

TEST(HomeKeys, NobodyIsSignalledWhoIsNoCoordinator) {
  const TemporaryFolder home;
  FileLock lock(coordinator_lock_path(home.path()), FileLock::Wait::kNo);
  lock.write(str(::getpid(), '\n'));  // this test, whom SIGHUP would end

  EXPECT_FALSE(notify_coordinator(home.path()));
}

}  // namespace
}  // namespace lorae::transport
