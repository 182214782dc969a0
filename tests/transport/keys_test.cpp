#include "transport/keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/atomic_file.h"
#include "tests/transport/helpers.h"

namespace lorae::transport {
namespace {

namespace fs = std::filesystem;

unsigned mode_of(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : 0U;
}

TEST(Keys, APublicKeyFollowsFromTheSecretOne) {
  const KeyPair keys = generate_keys();

  EXPECT_TRUE(is_key(keys.public_key));
  EXPECT_TRUE(is_key(keys.secret_key));
  EXPECT_EQ(public_key_of(keys.secret_key), keys.public_key);
  EXPECT_NE(generate_keys(), keys);
}

TEST(Keys, AgreeWithTheTestVectorOfCurveZmq) {
  // Source: the zmq_curve_keypair manual page and the libzmq examples.
  EXPECT_EQ(public_key_of("D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"),
            "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");
}

TEST(Keys, ATextIsAKeyOnlyIfItIsZ85OfThirtyTwoBytes) {
  const std::string key = generate_keys().public_key;

  EXPECT_FALSE(is_key(""));
  EXPECT_FALSE(is_key(key.substr(1)));
  EXPECT_FALSE(is_key(key + "0"));
  EXPECT_FALSE(is_key("\"" + key.substr(1)));
  EXPECT_FALSE(is_key(std::string(40, '#')));  // more than 32 bits in a group
  EXPECT_FALSE(is_key(std::string(40, '\0')));
  EXPECT_FALSE(is_key(key.substr(0, 39) + " "));
  EXPECT_FALSE(is_key(key.substr(0, 39) + "\xc3"));
}

TEST(Keys, TheSecretFileIsForItsOwnerOnly) {
  const TemporaryFolder folder;
  const mode_t before = ::umask(0);

  const KeyPair keys = write_keys(folder / "keys", "pi-3");

  ::umask(before);
  EXPECT_EQ(mode_of(folder / "keys/pi-3.key"), 0600U);
  EXPECT_EQ(mode_of(folder / "keys/pi-3.pub"), 0644U);
  EXPECT_EQ(read_secret_key(folder / "keys/pi-3.key"), keys.secret_key);
  EXPECT_EQ(read_public_key(folder / "keys/pi-3.pub"), keys.public_key);
  EXPECT_EQ(read_keys(folder / "keys/pi-3.key"), keys);
}

TEST(Keys, AreNeverOverwritten) {
  const TemporaryFolder folder;
  const KeyPair keys = write_keys(folder.path(), "a");

  const std::string error =
      error_of([&] { write_keys(folder.path(), "a"); }, ErrorCode::kInvalidConfig);

  EXPECT_NE(error.find("a.key' exists and is not overwritten"), std::string::npos) << error;
  EXPECT_EQ(read_keys(folder / "a.key"), keys);
}

TEST(Keys, AnExistingPublicFileLeavesNoSecretFileBehind) {
  const TemporaryFolder folder;
  std::ofstream(folder / "a.pub") << "mine";

  EXPECT_NE(error_of([&] { write_keys(folder.path(), "a"); }, ErrorCode::kInvalidConfig), "");

  EXPECT_FALSE(fs::exists(folder / "a.key"));
  EXPECT_EQ(text_of(read_file(folder / "a.pub")), "mine");
}

TEST(Keys, ANameStaysInsideTheFolder) {
  const TemporaryFolder folder;
  for (const char* const name : {"", "../a", "a/b", ".a", "a b"}) {
    EXPECT_NE(error_of([&] { write_keys(folder.path(), name); }, ErrorCode::kInvalidConfig), "")
        << name;
  }
}

TEST(Keys, ASecretThatOthersCanReadIsRefused) {
  const TemporaryFolder folder;
  write_keys(folder.path(), "x");
  const fs::path path = folder / "x.key";
  for (const auto& [mode, text] : {std::pair{0644U, "0644"}, {0640U, "0640"}, {0602U, "0602"}}) {
    ::chmod(path.c_str(), mode);

    EXPECT_EQ(error_of([&] { read_secret_key(path); }, ErrorCode::kInvalidConfig),
              str("[keys] '", path.string(), "' can be read by others (mode ", text,
                  "); run chmod 600 ", path.string()));
  }
}

TEST(Keys, ASecretOfSomebodyElseIsRefused) {
  const TemporaryFolder folder;
  write_keys(folder.path(), "x");
  if (::chown((folder / "x.key").c_str(), 12345, 12345) != 0) {
    GTEST_SKIP() << "only root can give files away";
  }

  const std::string error = error_of([&] { read_secret_key(folder / "x.key"); });

  EXPECT_NE(error.find("belongs to user 12345"), std::string::npos) << error;
}

TEST(Keys, GarbageFilesAreRefused) {
  const TemporaryFolder folder;
  const KeyPair keys = write_keys(folder.path(), "x");
  const fs::path path = folder / "y.key";
  const std::string header = "# lorae key v1 secret\n";
  for (const std::string& text :
       {std::string(), std::string("\n"), keys.secret_key, header, header + "short\n",
        header + keys.secret_key + "\n" + keys.secret_key + "\n",
        "# lorae key v2 secret\n" + keys.secret_key, header + std::string(100'000, 'a'),
        std::string(5000, '\0')}) {
    write_file_atomic(path, text, FileMode::kSecret);

    const std::string error = error_of([&] { read_secret_key(path); }, ErrorCode::kInvalidConfig);

    EXPECT_NE(error.find("y.key'"), std::string::npos)
        << "'" << text.substr(0, 60) << "' " << error;
    EXPECT_EQ(error.find(keys.secret_key), std::string::npos) << "leaks the secret";
  }
  EXPECT_NE(error_of([&] { read_secret_key(folder / "absent.key"); }, ErrorCode::kInvalidConfig),
            "");
  EXPECT_NE(error_of([&] { read_secret_key(folder.path()); }, ErrorCode::kInvalidConfig), "");
}

TEST(Keys, AKeyOfTheOtherKindIsRefused) {
  const TemporaryFolder folder;
  write_keys(folder.path(), "x");

  const std::string error =
      error_of([&] { read_public_key(folder / "x.key"); }, ErrorCode::kInvalidConfig);

  EXPECT_NE(error.find("is not a public key"), std::string::npos) << error;
}

}  // namespace
}  // namespace lorae::transport
