// Kits for real devices, and who gets in, with the programs as a person starts them.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/integration/deployment.h"

namespace lorae::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

/// A kit for two devices, and a coordinator of one short round that runs from it.
class Kit : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_fashion_mnist()) {
      GTEST_SKIP() << "dataset-fashion-mnist is not installed";
    }
    port_ = free_port();
    const Finished made = run({"lorae", "provision", "--out", kit().string(), "--clients",
                               "cam-1,cam-2", "--coordinator", endpoint()});
    ASSERT_EQ(made.status, 0) << made.errors;
  }

  fs::path kit() const { return folder_.path() / "kit"; }
  std::string endpoint() const { return "tcp://127.0.0.1:" + std::to_string(port_); }

  Process start_coordinator() const {
    return Process({.arguments = {"lorae-coordinator",
                                  "--home",
                                  ".",
                                  "--config",
                                  "coordinator.toml",
                                  "--json",
                                  "--rounds",
                                  "1",
                                  "--min-clients",
                                  "2",
                                  "--set",
                                  "model.pool=4",
                                  "--set",
                                  "data.public_images=400",
                                  "--set",
                                  "data.private_images=100",
                                  "--set",
                                  "data.test_images=100",
                                  "--set",
                                  "data.partition=iid",
                                  "--set",
                                  "pretraining.epochs=1",
                                  "--set",
                                  "training.local_epochs=1"},
                    .output = folder_.path() / "coordinator.out",
                    .folder = kit() / "coordinator"});
  }

  Process start_device(const std::string& name) const {
    return Process({.arguments = {"lorae-client"},
                    .output = folder_.path() / (name + ".out"),
                    .folder = kit() / name,
                    .environment = {{"LORAE_HOME", (kit() / name / "state").string()}}});
  }

  TemporaryFolder folder_;
  int port_ = 0;
};

TEST_F(Kit, RunsWithoutAnyFlagOnTheDevices) {
  Process coordinator = start_coordinator();
  Process first = start_device("cam-1");
  Process second = start_device("cam-2");

  EXPECT_EQ(coordinator.wait(seconds(120)), 0) << coordinator.errors();
  EXPECT_EQ(first.wait(seconds(30)), 0) << first.errors();
  EXPECT_EQ(second.wait(seconds(30)), 0) << second.errors();
}

TEST_F(Kit, KeepsSecretKeysToTheirOwner) {
  struct stat status {};
  ASSERT_EQ(::stat((kit() / "cam-1/cam-1.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat((kit() / "coordinator/coordinator.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_FALSE(fs::exists(kit() / "cam-1/coordinator.key"));
}

TEST_F(Kit, TrainsOnTheDevicesOwnImages) {
  std::ofstream(kit() / "cam-1/client.toml", std::ios::app)
      << "data = \"/usr/share/datasets/fashion-mnist\"\npartition = \"3/600\"\n";
  Process coordinator = start_coordinator();
  Process first = start_device("cam-1");
  Process second = start_device("cam-2");

  EXPECT_EQ(coordinator.wait(seconds(120)), 0) << coordinator.errors();
  EXPECT_EQ(first.wait(seconds(30)), 0) << first.errors();
  EXPECT_NE(first.errors().find("images=100"), std::string::npos) << first.errors();
}

TEST_F(Kit, LetsNoUnlistedKeyIn) {
  fs::copy(kit() / "cam-2", kit() / "stranger", fs::copy_options::recursive);
  fs::remove(kit() / "stranger/cam-2.key");
  fs::remove(kit() / "stranger/cam-2.pub");
  ASSERT_EQ(run({"lorae", "keygen", "cam-2", "--out", (kit() / "stranger").string()}).status, 0);
  Process coordinator = start_coordinator();
  Process stranger = start_device("stranger");

  EXPECT_TRUE(stranger.wait_for("link.denied", seconds(60))) << stranger.errors();
  EXPECT_TRUE(coordinator.wait_for("client.denied", seconds(60))) << coordinator.errors();
  EXPECT_EQ(coordinator.errors().find("client.joined"), std::string::npos);
}

TEST_F(Kit, LetsARevokedClientInOnlyAfterItIsEnrolledAgain) {
  const std::string home = (kit() / "coordinator").string();
  ASSERT_EQ(run({"lorae", "revoke", "cam-1", "--home", home}).status, 0);
  Process coordinator = start_coordinator();
  Process first = start_device("cam-1");
  Process second = start_device("cam-2");
  ASSERT_TRUE(first.wait_for("link.denied", seconds(60))) << first.errors();
  EXPECT_EQ(coordinator.errors().find("client=cam-1"), std::string::npos);

  const Finished enrolled =
      run({"lorae", "enrol", "cam-1", (kit() / "cam-1/cam-1.pub").string(), "--home", home});

  EXPECT_EQ(enrolled.status, 0) << enrolled.errors;
  EXPECT_NE(enrolled.output.find("the running coordinator has been told"), std::string::npos);
  EXPECT_EQ(coordinator.wait(seconds(120)), 0) << coordinator.errors();
  EXPECT_EQ(first.wait(seconds(30)), 0) << first.errors();
}

TEST_F(Kit, LetsADeviceInThatIsAddedWhileTheCoordinatorRuns) {
  Process coordinator = start_coordinator();
  Process first = start_device("cam-1");
  ASSERT_TRUE(coordinator.wait_for("registry.loaded", seconds(60))) << coordinator.errors();

  const Finished added = run({"lorae", "provision", "--out", kit().string(), "--add", "cam-3"});
  Process third = start_device("cam-3");

  EXPECT_EQ(added.status, 0) << added.errors;
  EXPECT_NE(added.output.find("the running coordinator has been told"), std::string::npos)
      << added.output;
  EXPECT_EQ(coordinator.wait(seconds(120)), 0) << coordinator.errors();
  EXPECT_EQ(first.wait(seconds(30)), 0) << first.errors();
  EXPECT_EQ(third.wait(seconds(30)), 0) << third.errors();
}

TEST_F(Kit, RefusesACoordinatorWithAnotherKey) {
  fs::remove(kit() / "coordinator/coordinator.key");
  fs::remove(kit() / "coordinator/coordinator.pub");
  Process coordinator = start_coordinator();  // makes itself a new pair
  Process first = start_device("cam-1");

  EXPECT_TRUE(first.wait_for("link.wrong_server", seconds(60))) << first.errors();
  EXPECT_EQ(coordinator.errors().find("client.joined"), std::string::npos);
}

}  // namespace
}  // namespace lorae::test
