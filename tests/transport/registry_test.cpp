#include "transport/registry.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "base/atomic_file.h"
#include "tests/transport/helpers.h"

namespace lorae::transport {
namespace {

const std::string& key(std::size_t index) {
  static const std::vector<KeyPair> keys = [] {
    std::vector<KeyPair> made(4);
    std::generate(made.begin(), made.end(), generate_keys);
    return made;
  }();
  return keys.at(index).public_key;
}

TEST(Registry, AMissingFileIsEmpty) {
  const TemporaryFolder folder;

  EXPECT_TRUE(Registry::load(folder / "registry").entries().empty());
}

TEST(Registry, SurvivesTheRoundTripThroughAFile) {
  const TemporaryFolder folder;
  Registry registry;
  registry.enrol("pi-1", key(0));
  registry.enrol("pi-2", key(1));
  registry.revoke("pi-2");

  registry.save(folder / "registry");
  const Registry loaded = Registry::load(folder / "registry");

  ASSERT_EQ(loaded.entries().size(), 2U);
  EXPECT_EQ(loaded.entries()[0].client, ClientId{"pi-1"});
  EXPECT_EQ(loaded.entries()[1].public_key, key(1));
  EXPECT_TRUE(loaded.is_active({"pi-1"}));
  EXPECT_FALSE(loaded.is_active({"pi-2"}));
  EXPECT_EQ(loaded.text(), registry.text());
}

TEST(Registry, KeepsComments) {
  const std::string text = str("# the lab\n\n# shelf 1\npi-1 ", key(0), " active\n# the end\n");

  EXPECT_EQ(Registry::parse(text, "r").text(), text);
}

TEST(Registry, ReadsTabsAndWindowsLineEnds) {
  const Registry registry = Registry::parse(str("  pi-1\t", key(0), "  active\r\n\r\n"), "r");

  EXPECT_TRUE(registry.is_active({"pi-1"}));
}

TEST(Registry, FindsActiveClientsOnly) {
  Registry registry;
  registry.enrol("pi-1", key(0));
  ASSERT_NE(registry.find(key(0)), nullptr);
  EXPECT_EQ(*registry.find(key(0)), ClientId{"pi-1"});
  EXPECT_EQ(registry.find(key(1)), nullptr);

  registry.revoke("pi-1");

  EXPECT_EQ(registry.find(key(0)), nullptr);
  EXPECT_FALSE(registry.is_active({"pi-1"}));
  EXPECT_FALSE(registry.is_active({""}));
}

TEST(Registry, NamesWhomAnotherOneRevokes) {
  Registry before;
  for (std::size_t i = 0; i < 4; ++i) {
    before.enrol(str("pi-", 4 - i), key(i));
  }
  before.revoke("pi-1");
  Registry after = before;
  after.revoke("pi-3");
  after.enrol("pi-1", key(3));

  EXPECT_EQ(before.revoked_by(after), (std::vector<ClientId>{{"pi-3"}}));
  EXPECT_EQ(before.revoked_by({}), (std::vector<ClientId>{{"pi-4"}, {"pi-3"}, {"pi-2"}}));
  EXPECT_TRUE(before.revoked_by(before).empty());
}

TEST(Registry, KnowsTheLineOfARevokedKey) {
  Registry registry;
  registry.enrol("pi-1", key(0));
  registry.revoke("pi-1");

  ASSERT_NE(registry.entry_of(key(0)), nullptr);
  EXPECT_EQ(registry.entry_of(key(0))->client, ClientId{"pi-1"});
  EXPECT_FALSE(registry.entry_of(key(0))->active);
  EXPECT_EQ(registry.entry_of(key(1)), nullptr);
}

TEST(Registry, EnrollingAgainBringsARevokedClientBack) {
  Registry registry;
  registry.enrol("pi-1", key(0));
  registry.enrol("pi-1", key(0));
  registry.revoke("pi-1");

  registry.enrol("pi-1", key(0));

  EXPECT_EQ(registry.entries().size(), 1U);
  EXPECT_TRUE(registry.is_active({"pi-1"}));
}

TEST(Registry, ANameAndAKeyBelongTogether) {
  Registry registry;
  registry.enrol("pi-1", key(0));
  registry.revoke("pi-1");
  const auto enrol = [&](const std::string& name, const std::string& public_key) {
    return error_of([&] { registry.enrol(name, public_key); }, ErrorCode::kInvalidConfig);
  };

  EXPECT_EQ(enrol("pi-1", key(1)),
            "[registry] client 'pi-1' is enrolled already, with another key; a device with a new "
            "key needs a new name");
  EXPECT_EQ(enrol("pi-2", key(0)),
            "[registry] the key of client 'pi-2' is enrolled already, under the name 'pi-1'");
  EXPECT_NE(enrol("pi 3", key(2)), "");
  EXPECT_NE(enrol("pi-3", "abc"), "");
  EXPECT_EQ(registry.entries().size(), 1U);
  EXPECT_FALSE(registry.is_active({"pi-1"})) << "a refused edit must not activate";
}

TEST(Registry, RevokingAStrangerNamesTheNearestClient) {
  Registry registry;
  registry.enrol("kitchen", key(0));

  EXPECT_EQ(error_of([&] { registry.revoke("kitchn"); }, ErrorCode::kInvalidConfig),
            "[registry] nobody called 'kitchn' is enrolled; did you mean 'kitchen'?");
}

TEST(Registry, ABadLineRejectsTheFileAndIsNamed) {
  const std::string good = str("# comment\npi-1 ", key(0), " active\n");
  const auto error = [&](const std::string& line) {
    return error_of([&] { Registry::parse(good + line + "\n", "/etc/registry"); },
                    ErrorCode::kInvalidConfig);
  };
  const std::string place = "/etc/registry:3: ";

  EXPECT_EQ(error("pi-2"), place + "expected 'name public-key active|revoked', got 1 words");
  EXPECT_EQ(error(str("pi-2 ", key(1))),
            place + "expected 'name public-key active|revoked', got 2 words");
  EXPECT_EQ(error(str("pi-2 ", key(1), " active now")),
            place + "expected 'name public-key active|revoked', got 4 words");
  EXPECT_EQ(error(str("pi-2 ", key(1), " Active")),
            place + "expected 'active' or 'revoked', got 'Active'");
  EXPECT_EQ(error(str("pi-1 ", key(1), " active")), place + "client 'pi-1' stands on two lines");
  EXPECT_EQ(error(str("pi-2 ", key(0), " revoked")),
            place + "the key of client 'pi-2' is enrolled already, under the name 'pi-1'");
  EXPECT_EQ(error("pi-2 abc active"),
            place +
                "the key of client 'pi-2' is not a public key: expected 40 characters of Z85, "
                "got 'abc'; quote it with '...' in a shell");
  EXPECT_TRUE(error(str("../pi ", key(1), " active")).starts_with(place)) << error("../pi");
  EXPECT_TRUE(error(std::string("pi-2\0 x active", 14)).starts_with(place));
}

TEST(Registry, AnEditThatThrowsLeavesTheFileAlone) {
  const TemporaryFolder folder;
  const auto path = folder / "registry";
  update_registry(path, [](Registry& r) { r.enrol("pi-1", key(0)); });
  const Bytes before = read_file(path);

  EXPECT_NE(error_of([&] {
              update_registry(path, [](Registry& r) {
                r.enrol("pi-2", key(1));
                r.revoke("pi-9");
              });
            }),
            "");

  EXPECT_EQ(read_file(path), before);
}

/// Enrols `count` clients, each in an edit of its own.
void enrol_many(const std::filesystem::path& path, const std::string& prefix, int count) {
  for (int i = 0; i < count; ++i) {
    update_registry(path,
                    [&](Registry& r) { r.enrol(str(prefix, i), generate_keys().public_key); });
  }
}

TEST(Registry, ThreadsThatEditTogetherLoseNothing) {
  const TemporaryFolder folder;
  std::thread other([&] { enrol_many(folder / "registry", "b-", 20); });
  enrol_many(folder / "registry", "a-", 20);
  other.join();

  EXPECT_EQ(Registry::load(folder / "registry").entries().size(), 40U);
}

TEST(Registry, ProcessesThatEditTogetherLoseNothing) {
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    enrol_many(folder / "registry", "b-", 20);
    ::_exit(0);
  }
  enrol_many(folder / "registry", "a-", 20);
  int status = -1;
  ::waitpid(child, &status, 0);

  EXPECT_EQ(status, 0);
  EXPECT_EQ(Registry::load(folder / "registry").entries().size(), 40U);
}

}  // namespace
}  // namespace lorae::transport
