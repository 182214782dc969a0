// `lorae enrol` and `revoke` as a person types them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/base/temporary_folder.h"
#include "tests/integration/process.h"
#include "transport/home_keys.h"
#include "transport/registry.h"

namespace lorae::test {
namespace {

namespace fs = std::filesystem;

constexpr int kConfig = 78;
constexpr const char* kKey = "-:#7paJ$}4N)1Kd]0*Xsz$0Y>:%[zE7!XJ(<lj&i";

class RegistryCommands : public ::testing::Test {
 protected:
  RegistryCommands() { transport::coordinator_keys(home()); }

  fs::path home() const { return folder_.path() / "home"; }

  transport::Registry registry() const {
    return transport::Registry::load(transport::registry_path(home()));
  }

  /// `lorae enrol` with our home.
  Finished enrol(const std::string& name, const std::string& key) const {
    return run({"lorae", "enrol", name, key, "--home", home().string()});
  }

  static void expect_refusal(const Finished& done, const std::vector<std::string>& texts) {
    EXPECT_EQ(done.status, kConfig) << done.output << done.errors;
    for (const std::string& text : texts) {
      EXPECT_NE(done.errors.find(text), std::string::npos) << text << "\n" << done.errors;
    }
  }

  TemporaryFolder folder_;
};

TEST_F(RegistryCommands, SayWhatWasWrittenWhere) {
  const Finished enrolled = enrol("pi-1", kKey);
  EXPECT_EQ(enrolled.status, 0) << enrolled.errors;
  EXPECT_EQ(enrolled.output, "enrolled pi-1 in " + (home() / "registry").string() +
                                 "; no coordinator runs on this home, the next one reads it\n");
  EXPECT_TRUE(registry().is_active({"pi-1"}));

  const Finished revoked = run({"lorae", "revoke", "pi-1", "--home", "home"}, {}, folder_.path());
  EXPECT_EQ(revoked.status, 0) << revoked.errors;
  EXPECT_EQ(revoked.output, "revoked pi-1 in " + (home() / "registry").string() +
                                "; no coordinator runs on this home, the next one reads it\n");
  EXPECT_FALSE(registry().is_active({"pi-1"}));
}

TEST_F(RegistryCommands, RefuseAHomeWithoutACoordinator) {
  const std::string other = (folder_.path() / "other").string();
  const std::string hint = "with --home DIR";
  for (const auto& command : {std::vector<std::string>{"lorae", "enrol", "pi-1", kKey},
                              std::vector<std::string>{"lorae", "revoke", "pi-1"}}) {
    auto with_flag = command;
    with_flag.insert(with_flag.end(), {"--home", other});
    expect_refusal(run(with_flag), {other + " (from --home)", hint});
    expect_refusal(run(command, {{"LORAE_HOME", other}}), {other + " (from LORAE_HOME)", hint});
    expect_refusal(run(command, {{"LORAE_HOME", ""}, {"XDG_STATE_HOME", other}}),
                   {other + "/lorae (from XDG_STATE_HOME)", hint});
    expect_refusal(run(command, {{"LORAE_HOME", ""}, {"XDG_STATE_HOME", ""}, {"HOME", other}}),
                   {other + "/.local/state/lorae (the default)", hint});
  }
  EXPECT_FALSE(fs::exists(other)) << "nothing is made there";
}

TEST_F(RegistryCommands, TakeTheHomeOfTheEnvironment) {
  EXPECT_EQ(run({"lorae", "enrol", "pi-1", kKey}, {{"LORAE_HOME", home().string()}}).status, 0);
  EXPECT_TRUE(registry().is_active({"pi-1"}));
}

TEST_F(RegistryCommands, TakeAnyKeyAsOneWord) {
  const std::vector<std::string> keys = {
      kKey,
      "--abca#$&*(x)<>[y]{}@home=abc?!x^z+.-:/%",
      "--homea#$&*(x)<>[y]{}@home=abc?!x^z+.-:/",
      "--help=ab&*(x)<>[y]{}@home=abc?!x^z+.-:/",
      "[homea#$&*(x)<>[y]{}@home=abc?!x^z+.-:/]",
      "@homea#$&*(x)<>[y]{}@home=abc?!x^z+.-:/%",
      "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh",
      "/home/x/kits/garden-and-yard/cam-1/x.pub",
  };
  for (std::size_t i = 0; i < keys.size(); ++i) {
    ASSERT_TRUE(transport::is_key(keys[i])) << keys[i];
    const std::string name = "pi-" + std::to_string(i);
    const Finished done = enrol(name, keys[i]);
    EXPECT_EQ(done.status, 0) << keys[i] << '\n' << done.errors;
    ASSERT_NE(registry().find(keys[i]), nullptr) << keys[i];
    EXPECT_EQ(registry().find(keys[i])->name, name);
  }
}

TEST_F(RegistryCommands, TakeANameThatBeginsWithADash) {
  EXPECT_EQ(enrol("-pi-1", kKey).status, 0);
  EXPECT_TRUE(registry().is_active({"-pi-1"}));
  EXPECT_EQ(run({"lorae", "revoke", "-pi-1", "--home", home().string()}).status, 0);
  EXPECT_FALSE(registry().is_active({"-pi-1"}));
}

TEST_F(RegistryCommands, TakeTheHomeInAnyPlace) {
  const std::string at = home().string();
  EXPECT_EQ(run({"lorae", "enrol", "--home", at, "pi-1", kKey}).status, 0);
  EXPECT_EQ(run({"lorae", "enrol", "pi-1", "--home=" + at, kKey}).status, 0);
  EXPECT_EQ(run({"lorae", "enrol", "--home", at, "--", "pi-1", kKey}).status, 0);
  // A path that reads as a key.
  const std::string path = "--home/kits/garden-and-yard/coordinators";
  ASSERT_TRUE(transport::is_key(path));
  fs::create_directories((folder_.path() / path).parent_path());
  fs::copy(home(), folder_.path() / path, fs::copy_options::recursive);
  const Finished done = run({"lorae", "enrol", "pi-2", kKey, "--home=" + path}, {}, folder_.path());
  EXPECT_NE(done.errors.find("enrolled already, under the name 'pi-1'"), std::string::npos)
      << done.errors;
}

TEST_F(RegistryCommands, TakeWhatAHintSays) {
  const std::string hint = transport::enrol_hint(home(), "pi-1", kKey);
  const std::string command = "PATH='" LORAE_BIN "':\"$PATH\" " + hint + " > /dev/null";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  EXPECT_NE(registry().find(kKey), nullptr);
}

TEST_F(RegistryCommands, TakeAPublicKeyFile) {
  const transport::KeyPair keys = transport::write_keys(folder_.path() / "kit", "pi-1");
  const Finished done = enrol("pi-1", (folder_.path() / "kit/pi-1.pub").string());
  EXPECT_EQ(done.status, 0) << done.errors;
  EXPECT_NE(registry().find(keys.public_key), nullptr);
}

TEST_F(RegistryCommands, RefuseSecretKeyFiles) {
  const fs::path kit = folder_.path() / "kit";
  const transport::KeyPair keys = transport::write_keys(kit, "pi-1");
  const Finished done = enrol("pi-1", (kit / "pi-1.key").string());
  expect_refusal(done, {"holds a secret key", (kit / "pi-1.pub").string()});
  EXPECT_EQ(done.errors.find(keys.secret_key), std::string::npos);
  fs::copy(kit / "pi-1.key", kit / "renamed.pub");
  expect_refusal(enrol("pi-1", (kit / "renamed.pub").string()), {"is not a public key"});
  EXPECT_TRUE(registry().entries().empty());
}

TEST_F(RegistryCommands, RefuseWhatIsNoKey) {
  const std::string key = kKey;
  expect_refusal(enrol("pi-1", key.substr(1)), {"expected 40 characters", "got 39 characters"});
  expect_refusal(enrol("pi-1", key.substr(0, 39)), {"expected 40 characters", "got 39"});
  expect_refusal(enrol("pi-1", key + "0"), {"expected 40 characters", "got 41"});
  expect_refusal(enrol("pi-1", "#" + key.substr(1)), {"expected 40 characters"});
  expect_refusal(enrol("pi-1", "none.pub"), {"'none.pub'", "no file of that name"});
  expect_refusal(enrol("pi-1", home().string()), {"no file of that name"});
  expect_refusal(enrol("pi-1", (home() / "coordinator.pub").string()),
                 {"the coordinator's own key", "'pi-1'"});
  std::ofstream(folder_.path() / "notes.pub") << "buy milk\n";
  expect_refusal(enrol("pi-1", (folder_.path() / "notes.pub").string()), {"is not a public key"});
  expect_refusal(enrol("-pi 1", key), {"'-pi 1' cannot be a client's name"});
  EXPECT_TRUE(registry().entries().empty());
}

TEST_F(RegistryCommands, LeaveOtherWordsToTheUsage) {
  EXPECT_GT(run({"lorae", "enrol", "pi-1", kKey, "--hoem", home().string()}).status, 100);
  EXPECT_GT(run({"lorae", "enrol", "pi-1"}).status, 100);
  EXPECT_EQ(run({"lorae", "enrol", "--help"}).status, 0);
  EXPECT_EQ(run({"lorae", "enrol", "-h"}).status, 0);
}

}  // namespace
}  // namespace lorae::test
