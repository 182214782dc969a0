// A full disk in mid-round: the run waits, says so, and goes on when there is room.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <fstream>

#include "runs/journal.h"
#include "tests/integration/deployment.h"

namespace lorae::test {
namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 6;

/// A small tmpfs over a folder, filled to the last byte and emptied on demand.
class SmallDisk {
 public:
  explicit SmallDisk(fs::path folder) : folder_(std::move(folder)) {
    fs::create_directories(folder_);
    mounted_ = ::mount("lorae-test", folder_.c_str(), "tmpfs", 0, "size=12m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) {
      ::umount2(folder_.c_str(), MNT_DETACH);
    }
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }

  void fill() const {
    std::ofstream ballast(folder_ / "ballast", std::ios::binary | std::ios::app);
    const std::string block(4096, 'x');
    while (ballast.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void empty() const { fs::remove(folder_ / "ballast"); }

 private:
  fs::path folder_;
  bool mounted_ = false;
};

TEST(DiskFull, PausesTheRunAndLosesNothing) {
  if (!has_fashion_mnist()) {
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  const TemporaryFolder folder;
  const TemporaryFolder reference_folder;
  Deployment reference(reference_folder.path(), kRounds);
  reference.start_coordinator();
  reference.start_clients();
  const std::string expected = reference.digest();
  ASSERT_NE(expected, "") << reference.coordinator_errors();

  Deployment deployment(folder.path(), kRounds);
  const SmallDisk disk(folder.path() / "home/runs");
  if (!disk.mounted()) {
    GTEST_SKIP() << "mounting a tmpfs is not permitted here";
  }
  deployment.start_coordinator();
  ASSERT_TRUE(deployment.coordinator().wait_for("run.start", std::chrono::seconds(120)))
      << deployment.coordinator_errors();
  disk.fill();
  deployment.start_clients();
  ASSERT_TRUE(deployment.coordinator().wait_for("run.paused", std::chrono::seconds(60)))
      << deployment.coordinator_errors();
  EXPECT_FALSE(deployment.coordinator().wait(std::chrono::seconds(3)));
  disk.empty();

  EXPECT_EQ(deployment.digest(), expected) << deployment.coordinator_errors();
  EXPECT_NE(deployment.coordinator_errors().find("no space left"), std::string::npos);
  EXPECT_NE(deployment.coordinator_errors().find("run.resumed"), std::string::npos);
  EXPECT_EQ(deployment.client_statuses(), std::vector<int>(kClients, 0));
}

}  // namespace
}  // namespace lorae::test
