// Bad input of every kind: exit status and message of the programs, row by row of docs/errors.md.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/integration/deployment.h"
#include "tests/integration/tcp_relay.h"

namespace lorae::test {
namespace {

namespace fs = std::filesystem;

constexpr int kConfig = 78;       // EX_CONFIG
constexpr int kData = 65;         // EX_DATAERR
constexpr int kUnavailable = 69;  // EX_UNAVAILABLE

class Errors : public ::testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& text) const {
    const fs::path path = folder_.path() / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  std::string home() const { return (folder_.path() / "home").string(); }

  Finished coordinator(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"lorae-coordinator", "--home", home()});
    return run(arguments);
  }

  Finished simulate(const fs::path& config, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"lorae-simulate", config.string(),
                                       "--home",         home(),
                                       "--out",          (folder_.path() / "out").string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }

  static void expect(const Finished& done, int status, const std::string& message) {
    EXPECT_EQ(done.status, status) << done.errors;
    EXPECT_NE(done.errors.find(message), std::string::npos) << done.errors;
  }

  TemporaryFolder folder_;
};

TEST_F(Errors, UnknownKeyNamesPlaceAndNearestKey) {
  const auto config = write("run.toml", "[training]\nlocal_epoch = 2\n");
  expect(coordinator({"--config", config.string()}), kConfig,
         config.string() +
             ":2: training.local_epoch: unknown key; did you mean 'training.local_epochs'?");
}

TEST_F(Errors, MistypedValueNamesPlaceAndExpectation) {
  const auto config = write("run.toml", "\n[training]\nbatch_size = \"many\"\n");
  expect(coordinator({"--config", config.string()}), kConfig,
         config.string() +
             ":3: training.batch_size: expected a whole number in [1, 65536], got \"many\"");
}

TEST_F(Errors, ZeroRoundsAreRefused) {
  expect(coordinator({"--rounds", "0"}), kConfig,
         "federation.rounds: expected a whole number in [1, 1000000], got 0");
}

TEST_F(Errors, FlagsAndSettingsAreBothHeard) {
  const Finished done = coordinator(
      {"--rounds", "7", "--set", "training.batch_size=9", "--seed", "3", "--print-config"});
  EXPECT_EQ(done.status, 0) << done.errors;
  for (const char* line : {"rounds = 7", "batch_size = 9", "seed = 3"}) {
    EXPECT_NE(done.output.find(line), std::string::npos) << done.output;
  }
}

TEST_F(Errors, DeviceThatIsNotThereSaysWhatIs) {
  const auto config = write("run.toml", "");
  if (!fs::exists("/usr/share/datasets/fashion-mnist")) {
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  // No machine has so many.
  for (std::vector<std::string> program :
       {std::vector<std::string>{"lorae-coordinator", "--home", home()},
        {"lorae-client", "--home", home(), "--name", "a"},
        {"lorae-simulate", config.string(), "--home", home(), "--out", home() + "/out"},
        {"lorae", "train", "/usr/share/datasets/fashion-mnist", "--out", home() + "/t"},
        {"lorae", "profile", "resnet8"}}) {
    program.insert(program.end(), {"--device", "cuda:99"});
    expect(run(program), kUnavailable, "cuda:99: ");
    program.back() = "gpu";
    expect(run(program), kConfig, R"(expected "auto", "cpu" or "cuda:N", got "gpu")");
  }
  EXPECT_FALSE(fs::exists(home() + "/out")) << "nothing is begun";
  EXPECT_FALSE(fs::exists(home() + "/t")) << "nothing is begun";
}

TEST_F(Errors, UnknownCodecStageIsRefused) {
  const auto config = write("run.toml", "[[methods]]\nname = \"m\"\nuplink = \"delta,int7\"\n");
  expect(simulate(config), kConfig,
         "stage 'int7' is unknown; known: delta; selection: top_k:density, ");
}

TEST_F(Errors, TomlSyntaxErrorNamesTheLine) {
  const auto config = write("run.toml", "seed = 1\n[data\n");
  expect(simulate(config), kConfig, config.string() + ":2: ");
}

TEST_F(Errors, MissingConfigFileIsNamed) {
  expect(simulate(folder_.path() / "none.toml"), kConfig, "none.toml");
}

TEST_F(Errors, MissingDataSetSaysHowToGetIt) {
  expect(coordinator({"--bind", "tcp://127.0.0.1:" + std::to_string(free_port()), "--set",
                      "data.path=" + (folder_.path() / "nothing").string()}),
         kConfig, "nothing");
}

TEST_F(Errors, TruncatedDataFileIsNamed) {
  for (const char* name : {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
                           "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"}) {
    const fs::path source = fs::path("/usr/share/datasets/fashion-mnist") / name;
    if (!fs::exists(source)) {
      GTEST_SKIP() << "dataset-fashion-mnist is not installed";
    }
    fs::create_directories(folder_.path() / "data");
    fs::copy_file(source, folder_.path() / "data" / name);
  }
  fs::resize_file(folder_.path() / "data/train-images-idx3-ubyte.gz", 100000);
  const auto config = write_small_config(folder_.path(), 1);
  expect(simulate(config, {"--set", "data.path=" + (folder_.path() / "data").string()}), kData,
         "train-images-idx3-ubyte.gz");
}

TEST_F(Errors, EmptyClassFolderIsNamed) {
  write("pictures/train/cats/readme.txt", "no image");
  fs::create_directories(folder_.path() / "pictures/train/dogs");
  const auto config = write_small_config(folder_.path(), 1);
  expect(simulate(config, {"--set", "data.path=" + (folder_.path() / "pictures").string()}),
         kConfig, "pictures/train/");
}

TEST_F(Errors, UnreadableImageIsNamed) {
  for (int i = 100; i < 155; ++i) {
    for (const char* name : {"cats", "dogs"}) {
      write(std::string("pictures/") + name + "/broken" + std::to_string(i) + ".png",
            "this is not a picture");
    }
  }
  const auto config = write_small_config(folder_.path(), 1);
  expect(simulate(config, {"--set", "data.path=" + (folder_.path() / "pictures").string(), "--set",
                           "data.public_images=100", "--set", "data.private_images=10"}),
         kData, "cats/broken1");
}

TEST_F(Errors, PortInUseSaysWhatToDo) {
  const TcpRelay occupant(1);
  expect(coordinator({"--bind", "tcp://127.0.0.1:" + std::to_string(occupant.port())}),
         kUnavailable, "--bind");
}

TEST_F(Errors, MalformedEndpointIsRefused) {
  expect(coordinator({"--bind", "127.0.0.1:7000"}), kConfig, "127.0.0.1:7000");
}

TEST_F(Errors, KeyFileReadableByOthersIsRefused) {
  ASSERT_EQ(run({"lorae", "keygen", "coordinator", "--out", home()}).status, 0);
  ::chmod((home() + "/coordinator.key").c_str(), 0644);
  expect(coordinator({"--bind", "tcp://127.0.0.1:" + std::to_string(free_port())}), kConfig,
         "chmod 600");
}

TEST_F(Errors, HomeThatCannotBeWrittenIsNamed) {
  const auto file = write("file", "");
  expect(run({"lorae-coordinator", "--home", (file / "home").string()}), kConfig,
         "choose another with --home");
}

TEST_F(Errors, SecondCoordinatorOnAHomeIsRefused) {
  const TemporaryFolder second;
  const std::string port = std::to_string(free_port());
  Process first({.arguments = {"lorae-coordinator", "--home", home(), "--bind",
                               "tcp://127.0.0.1:" + port, "--set", "data.public_images=400"},
                 .output = second.path() / "first"});
  ASSERT_TRUE(first.wait_for("registry.loaded", std::chrono::seconds(60))) << first.errors();
  expect(coordinator({"--bind", "tcp://127.0.0.1:" + std::to_string(free_port())}), kUnavailable,
         "another coordinator runs on this home");
}

TEST_F(Errors, ClientWithoutANameIsToldHow) {
  expect(run({"lorae-client", "--home", home()}, {}, folder_.path()), kConfig, "give --name NAME");
}

TEST_F(Errors, RevokedLocalClientIsToldHowToComeBack) {
  const std::string port = std::to_string(free_port());
  Process client({.arguments = {"lorae-client", "--home", home(), "--name", "a", "--coordinator",
                                "tcp://127.0.0.1:" + port},
                  .output = folder_.path() / "client"});
  ASSERT_TRUE(client.wait_for("client.start", std::chrono::seconds(60))) << client.errors();
  client.kill(SIGTERM);
  client.wait(std::chrono::seconds(10));
  ASSERT_EQ(run({"lorae", "revoke", "a", "--home", home()}).status, 0);

  const Finished refused = run({"lorae-client", "--home", home(), "--name", "a"});
  expect(refused, kConfig, "'a' was revoked");
  expect(refused, kConfig, " --home " + home());
}

TEST_F(Errors, ResultsAreNotOverwritten) {
  const auto config = write_small_config(folder_.path(), 1);
  write("out/config.toml", "seed = 1\n");
  expect(simulate(config), kConfig, "give --resume to go on with it, or another --out");
  expect(simulate(config, {"--resume"}), kConfig, "with another configuration");
}

TEST_F(Errors, DamagedAdapterHasNoDigest) {
  const auto file = write("adapter.safetensors", "short");
  expect(run({"lorae", "digest", file.string()}), kData, "[safetensors] too short");
}

TEST_F(Errors, ReportOfAnotherFolderIsRefused) {
  expect(run({"lorae", "report", folder_.path().string()}), kConfig,
         "holds nothing to report: expected config.toml");
}

}  // namespace
}  // namespace lorae::test
