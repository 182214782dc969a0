// `lorae provision` as a person types it: kits, and devices that come later.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>
#include <sstream>

#include "tests/base/temporary_folder.h"
#include "tests/integration/process.h"
#include "transport/home_keys.h"
#include "transport/registry.h"

namespace lorae::test {
namespace {

namespace fs = std::filesystem;

constexpr int kConfig = 78;

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// All files below a folder, but for locks.
std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".lock") {
      files[fs::relative(entry.path(), folder)] =
          entry.is_regular_file() ? read_text(entry.path()) : "a folder";
    }
  }
  return files;
}

class ProvisionCommands : public ::testing::Test {
 protected:
  fs::path kit() const { return folder_.path() / "kit"; }

  Finished provision(const std::string& names) const {
    return run({"lorae", "provision", "--out", kit().string(), "--clients", names, "--coordinator",
                "tcp://host.example:7227"});
  }
  Finished add(const std::string& names, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> command{"lorae", "provision", "--add", names, "--out", kit().string()};
    command.insert(command.end(), more.begin(), more.end());
    return run(command);
  }
  transport::Registry registry() const {
    return transport::Registry::load(transport::registry_path(kit() / "coordinator"));
  }

  static void expect_refusal(const Finished& done, const std::string& text) {
    EXPECT_EQ(done.status, kConfig) << done.output << done.errors;
    EXPECT_NE(done.errors.find(text), std::string::npos) << done.errors;
  }

  TemporaryFolder folder_;
};

TEST_F(ProvisionCommands, WaitForFewerClientsThanThereAre) {
  const auto waited_for = [&](int clients) {
    fs::remove_all(kit());
    std::string names;
    for (int i = 0; i < clients; ++i) {
      names += (i == 0 ? "cam-" : ",cam-") + std::to_string(i);
    }
    EXPECT_EQ(provision(names).status, 0);
    const std::string text = read_text(kit() / "coordinator/coordinator.toml");
    EXPECT_NE(text.find("clients     = " + std::to_string(clients) + "\n"), std::string::npos);
    const std::string key = "min_clients = ";
    return std::stoi(text.substr(text.find(key) + key.size()));
  };
  EXPECT_EQ(waited_for(1), 1);
  EXPECT_EQ(waited_for(2), 1);
  EXPECT_EQ(waited_for(3), 2);
  EXPECT_EQ(waited_for(6), 5);
  EXPECT_EQ(waited_for(12), 10);
}

TEST_F(ProvisionCommands, AddDevicesAndChangeNothingElse) {
  ASSERT_EQ(provision("cam-1,cam-2").status, 0);
  const auto before = files_of(kit());

  const Finished done = add("cam-3,cam-4");

  ASSERT_EQ(done.status, 0) << done.errors;
  const std::string home = (kit() / "coordinator").string();
  for (const std::string& text :
       {"2 device folders added to " + kit().string(),
        "4 clients enrolled in " + home + "/registry",
        std::string("no coordinator runs on this home"), home + "/coordinator.toml is as it was",
        std::string("look at its clients and min_clients")}) {
    EXPECT_NE(done.output.find(text), std::string::npos) << text << '\n' << done.output;
  }
  auto after = files_of(kit());
  for (const auto& [name, text] : before) {
    EXPECT_TRUE(name == "coordinator/registry" || after.at(name) == text) << name;
    after.erase(name);
  }
  for (const std::string name : {"cam-3", "cam-4"}) {
    const std::string key = transport::read_public_key(kit() / name / (name + ".pub"));
    ASSERT_NE(registry().find(key), nullptr);
    EXPECT_EQ(registry().find(key)->name, name);
    EXPECT_NE(done.output.find("lorae enrol " + name + " '" + key + "' --home DIR"),
              std::string::npos)
        << done.output;
    EXPECT_EQ(transport::read_keys(kit() / name / (name + ".key")).public_key, key);
    EXPECT_EQ(after.at(name + "/coordinator.pub"), before.at("cam-1/coordinator.pub"));
    EXPECT_NE(after.at(name + "/client.toml").find("\"tcp://host.example:7227\""),
              std::string::npos);
    struct stat status {};
    ASSERT_EQ(::stat((kit() / name / (name + ".key")).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
  }
  EXPECT_EQ(after.size(), 10U) << "two folders of four files";
  EXPECT_EQ(registry().entries().size(), 4U);
}

TEST_F(ProvisionCommands, AddNothingIfOneNameIsTaken) {
  ASSERT_EQ(provision("cam-1,cam-2").status, 0);
  const std::string home = (kit() / "coordinator").string();
  ASSERT_EQ(run({"lorae", "revoke", "cam-2", "--home", home}).status, 0);
  fs::remove_all(kit() / "cam-2");  // its device has it
  const auto before = files_of(kit());

  expect_refusal(add("cam-3,cam-1"), "cam-1' exists");
  expect_refusal(add("cam-3,cam-2"), "'cam-2' is enrolled already, with another key");
  expect_refusal(add("cam-3,coordinator"), "'coordinator' is not a client name");
  expect_refusal(add("cam-3,../cam-4"), "'../cam-4' is not a client name");
  expect_refusal(add("cam-3,cam-3"), "'cam-3' is named twice");
  expect_refusal(add("cam-3", {"--coordinator", "host:7"}), "expected tcp://HOST:PORT");

  EXPECT_EQ(files_of(kit()), before);
}

TEST_F(ProvisionCommands, AddNothingIfTheRegistryCannotBeWritten) {
  ASSERT_EQ(provision("cam-1").status, 0);
  fs::create_directory(kit() / "coordinator/registry.lock");
  const auto before = files_of(kit());

  EXPECT_NE(add("cam-2,cam-3").status, 0);

  EXPECT_EQ(files_of(kit()), before);
}

TEST_F(ProvisionCommands, AddToAKitOnly) {
  fs::create_directories(kit());
  expect_refusal(add("cam-1"),
                 "is no kit of lorae provision: expected coordinator/coordinator.key");
  EXPECT_TRUE(fs::is_empty(kit()));
  ASSERT_EQ(provision("cam-1").status, 0);
  expect_refusal(provision("cam-2"), "is not empty");
  fs::remove(kit() / "coordinator/registry");
  expect_refusal(add("cam-2"), "expected coordinator/registry");
}

TEST_F(ProvisionCommands, AskForAnAddressThatNoFolderTells) {
  ASSERT_EQ(provision("cam-1").status, 0);
  fs::remove_all(kit() / "cam-1");
  expect_refusal(add("cam-2"), "give --coordinator tcp://HOST:PORT");

  EXPECT_EQ(add("cam-2", {"--coordinator", "tcp://other.example:1"}).status, 0);
  EXPECT_EQ(add("cam-3").status, 0);
  EXPECT_NE(read_text(kit() / "cam-3/client.toml").find("tcp://other.example:1"),
            std::string::npos);

  EXPECT_EQ(add("cam-4", {"--coordinator", "tcp://host.example:1"}).status, 0);
  expect_refusal(add("cam-5"), "different coordinators: tcp://host.example:1, tcp://other");
}

TEST_F(ProvisionCommands, NeedEitherClientsOrMore) {
  const std::string out = kit().string();
  EXPECT_GT(run({"lorae", "provision", "--out", out}).status, 100);
  EXPECT_GT(run({"lorae", "provision", "--out", out, "--clients", "a"}).status, 100);
  EXPECT_GT(add("b", {"--clients", "a", "--coordinator", "tcp://h:1"}).status, 100);
  EXPECT_FALSE(fs::exists(kit()));
}

TEST_F(ProvisionCommands, MakeFoldersThatOthersCannotChangeUnderAnyUmask) {
  const auto under_no_umask = [](const std::vector<std::string>& command) {
    return run({.arguments = command, .output = {}, .prepare = [] { ::umask(0); }}).status;
  };
  const std::string keys = (kit().parent_path() / "keys").string();
  EXPECT_EQ(under_no_umask({"lorae", "keygen", "a", "--out", keys}), 0);
  EXPECT_EQ(under_no_umask({"lorae", "provision", "--out", kit().string(), "--clients", "cam-1",
                            "--coordinator", "tcp://host.example:1"}),
            0);
  EXPECT_EQ(under_no_umask({"lorae", "provision", "--out", kit().string(), "--add", "cam-2"}), 0);
  for (const std::string& folder : {keys, kit().string()}) {
    EXPECT_EQ(static_cast<int>(fs::status(folder).permissions()), 0700) << folder;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
      EXPECT_EQ(static_cast<int>(entry.status().permissions()) & 0022, 0) << entry.path();
    }
  }
}

}  // namespace
}  // namespace lorae::test
