// What a program is started in: descriptors, environment, folders, limits, terminals, names.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "tests/base/pseudo_terminal.h"
#include "tests/integration/deployment.h"
#include "transport/home_keys.h"

namespace lorae::test {
namespace {

namespace fs = std::filesystem;

constexpr int kConfig = 78;
constexpr int kUnavailable = 69;
constexpr auto kSoon =
    std::chrono::seconds(5);  // for programs that load LibTorch on a busy machine
constexpr auto kLong = std::chrono::seconds(60);

class Surroundings : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  static void expect(const Finished& done, int status, const std::string& message) {
    EXPECT_EQ(done.status, status) << done.errors;
    EXPECT_NE(done.errors.find(message), std::string::npos) << done.errors;
  }

  /// A coordinator that waits for a client.
  Process coordinator(const std::string& home, std::function<void()> prepare = {}) const {
    return Process({.arguments = {"lorae-coordinator", "--home", home, "--bind",
                                  "tcp://127.0.0.1:" + std::to_string(free_port()), "--set",
                                  "data.public_images=400"},
                    .output = path("coordinator"),
                    .prepare = std::move(prepare)});
  }

  TemporaryFolder folder_;
};

void onto_full() {
  ::dup2(::open("/dev/full", O_WRONLY), STDOUT_FILENO);
}

TEST_F(Surroundings, AFullDiskBehindStandardOutputIsTold) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"lorae", "models"},
        {"lorae", "--help"},
        {"lorae", "params", "resnet18", "--json"},
        {"lorae-coordinator", "--print-config"},
        {"lorae-client", "--version"},
        {"lorae-simulate", LORAE_SOURCE "/configs/quickstart.toml", "--print-config"}}) {
    expect(run({.arguments = command, .output = {}, .prepare = onto_full}), kUnavailable,
           "standard output did not take all: No space left on device");
  }
}

TEST_F(Surroundings, ALogDoesNotGoIntoALockAndNobodyElseIsSignalled) {
  if (!has_fashion_mnist()) {
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  const std::string home = path("home");
  Process running = coordinator(home, [] {
    for (const int descriptor : {0, 1, 2}) {
      ::close(descriptor);
    }
  });
  // It logs to nowhere, so what it does is told by its registry.
  const std::string key = "-:#7paJ$}4N)1Kd]0*Xsz$0Y>:%[zE7!XJ(<lj&i";
  const auto enrolled = [&](const std::string& name) {
    return run({"lorae", "enrol", name, key, "--home", home}).output;
  };
  const auto end = std::chrono::steady_clock::now() + kLong;
  std::string said;
  while (said.find("has been told") == std::string::npos &&
         std::chrono::steady_clock::now() < end) {
    said = enrolled("pi-1");
  }
  EXPECT_NE(said.find("the running coordinator has been told"), std::string::npos) << said;
  std::ifstream lock(transport::coordinator_lock_path(home));
  std::string first, more;
  EXPECT_TRUE(std::getline(lock, first));
  EXPECT_EQ(first, std::to_string(running.id()));
  EXPECT_FALSE(std::getline(lock, more)) << more;
  EXPECT_FALSE(running.wait(std::chrono::milliseconds(0))) << "it still runs";
}

TEST_F(Surroundings, NoHomeIsAskedForThatIsNotNeeded) {
  const auto without = [&](const std::vector<std::string>& command) {
    return run({.arguments = command, .output = {}, .folder = folder_.path(), .prepare = [] {
                  for (const char* name : {"HOME", "LORAE_HOME", "XDG_STATE_HOME"}) {
                    ::unsetenv(name);
                  }
                }});
  };
  for (const char* program : {"lorae", "lorae-client", "lorae-coordinator", "lorae-simulate"}) {
    EXPECT_EQ(without({program, "--help"}).status, 0) << program;
    EXPECT_EQ(without({program, "--version"}).status, 0) << program;
  }
  EXPECT_EQ(without({"lorae", "models"}).status, 0);
  expect(without({"lorae-client", "--home", path("home")}), kConfig, "give --name NAME");
  expect(without({"lorae-client", "--name", "a"}), kConfig,
         "no HOME in the environment; set LORAE_HOME or give --home");
  expect(without({"lorae-client", "--name", "a", "--home", ""}), kConfig, "expected a folder");
}

TEST_F(Surroundings, EveryProgramHasAVersion) {
  for (const char* program : {"lorae", "lorae-client", "lorae-coordinator", "lorae-simulate"}) {
    const Finished done = run({program, "--version"});
    EXPECT_EQ(done.status, 0) << done.errors;
    EXPECT_TRUE(done.output.starts_with("LoRAE ")) << done.output;
  }
}

TEST_F(Surroundings, AFolderThatMayNotBeSearchedIsNamed) {
  const fs::path closed = folder_.path() / "closed";
  fs::create_directories(closed / "below");
  std::ofstream(closed / "below/run.toml") << "seed = 1\n";
  // Nobody may search it, not even root, who becomes another user.
  constexpr int kNotStarted = 99;
  ::chmod(folder_.path().c_str(), 0777);
  const auto shut_out = [&](std::vector<std::string> command) {
    ::chmod(closed.c_str(), 0755);
    return run(
        {.arguments = std::move(command), .output = {}, .folder = closed / "below", .prepare = [&] {
           ::chmod(closed.c_str(), 0000);
           if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) {
             ::_exit(kNotStarted);
           }
           if (::access(LORAE_BIN "/lorae", X_OK) != 0) {
             ::_exit(kNotStarted);
           }
         }});
  };
  const std::string home = path("home");
  const Finished first = shut_out({"lorae-client", "--home", home});
  if (first.status == kNotStarted) {
    GTEST_SKIP() << "another user than root may not start the programs from where they were built";
  }
  expect(first, kConfig, "give --name NAME");
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"lorae-coordinator", "--home", home, "--config",
                                 (closed / "below/run.toml").string()},
        {"lorae", "digest", (closed / "below/x").string()},
        {"lorae", "val", (closed / "below").string(), "--weights", (closed / "w").string()},
        {"lorae", "predict", (closed / "below").string(), "--weights", (closed / "w").string()},
        {"lorae", "enrol", "a", (closed / "below/a.pub").string(), "--home", home},
        {"lorae", "report", (closed / "below").string()},
        {"lorae", "provision", "--out", (closed / "kit").string(), "--clients", "a",
         "--coordinator", "tcp://host.example:1"}}) {
    const Finished done = shut_out(command);
    EXPECT_EQ(done.status, kConfig) << command[1] << ": " << done.errors;
  }
  ::chmod(closed.c_str(), 0755);
}

TEST_F(Surroundings, AHomeIsClosedToOthersUnderAnyUmask) {
  const std::string home = path("home");
  const Finished done = run({.arguments = {"lorae-coordinator", "--home", home, "--bind",
                                           "tcp://127.0.0.1:" + std::to_string(free_port()),
                                           "--set", "data.path=" + path("nothing")},
                             .output = {},
                             .prepare = [] { ::umask(0); }});
  EXPECT_EQ(done.status, kConfig) << done.errors;
  std::error_code status;
  EXPECT_EQ(static_cast<int>(fs::status(home).permissions()), 0700);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(home)) {
    EXPECT_EQ(static_cast<int>(entry.status(status).permissions()) & 0022, 0) << entry.path();
  }
}

TEST_F(Surroundings, TooFewDescriptorsAreToldWhateverTheirNumber) {
  for (const rlim_t limit : {6, 9, 13, 20, 31, 48, 63}) {
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"lorae-coordinator", "--home", path("home"), "--set",
                                   "data.path=" + path("nothing")},
          {"lorae-client", "--home", path("home"), "--name", "a"},
          {"lorae", "models"}}) {
      const Finished done = run({.arguments = command, .output = {}, .prepare = [limit] {
                                   for (int inherited = 3; inherited < 256; ++inherited) {
                                     ::close(inherited);
                                   }
                                   const rlimit few{limit, limit};
                                   ::setrlimit(RLIMIT_NOFILE, &few);
                                 }});
      expect(done, kUnavailable, "ulimit -n");
    }
  }
}

TEST_F(Surroundings, TheFewestDescriptorsAreEnough) {
  if (!has_fashion_mnist()) {
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  const std::string home = path("home");
  Process running = coordinator(home, [] {
    const rlimit few{64, 64};
    ::setrlimit(RLIMIT_NOFILE, &few);
  });
  EXPECT_TRUE(running.wait_for("run.waiting", kLong)) << running.errors();
}

TEST_F(Surroundings, PathsThatAreNotUtf8WorkOrAreRefusedAtOnce) {
  if (!has_fashion_mnist()) {
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  const std::string home = path("caf\xe9");
  Process running = coordinator(home);
  EXPECT_TRUE(running.wait_for("run.waiting", kLong)) << running.errors();
  running.kill(SIGINT);
  EXPECT_EQ(running.wait(kLong), 130) << running.errors();
  EXPECT_NE(running.errors().find("run.stopped"), std::string::npos) << running.errors();

  Process as_json({.arguments = {"lorae-coordinator", "--home", home, "--json", "--bind",
                                 "tcp://127.0.0.1:" + std::to_string(free_port()), "--fresh",
                                 "--set", "data.public_images=400"},
                   .output = path("json")});
  EXPECT_TRUE(as_json.wait_for("run.waiting", kLong)) << as_json.errors();
  as_json.kill(SIGTERM);
  EXPECT_EQ(as_json.wait(kLong), 130) << as_json.errors();
  EXPECT_NE(as_json.output().find("\"event\":\"stopped\""), std::string::npos) << as_json.output();

  expect(run({"lorae-coordinator", "--home", home, "--data", home}), kConfig, "expected UTF-8");
  expect(run({"lorae-client", "--home", home, "--name", "a", "--data", home}), kConfig,
         "expected UTF-8");
}

TEST_F(Surroundings, ATildeIsTheUsersHome) {
  const std::map<std::string, std::string> user = {{"HOME", folder_.path().string()}};
  for (const std::vector<std::string>& keygen :
       {std::vector<std::string>{"lorae", "keygen", "a", "--out", "~/keys"},
        {"lorae", "keygen", "b", "--out=~/keys"}}) {
    EXPECT_EQ(run(keygen, user, folder_.path()).status, 0);
    EXPECT_TRUE(fs::exists(path("keys/" + keygen[2] + ".pub")));
  }
  std::ofstream(path("run.toml")) << "[data]\npath = \"~/images\"\n";
  EXPECT_NE(run({"lorae-coordinator", "--config", "~/run.toml", "--print-config"}, user)
                .output.find("path = \"" + path("images") + "\""),
            std::string::npos);
  EXPECT_NE(run({"lorae-client", "--data=~/images", "--print-config"}, user, path("keys"))
                .output.find("data = \"" + path("images") + "\""),
            std::string::npos);
  EXPECT_FALSE(fs::exists(path("~")));
}

TEST_F(Surroundings, AConfigurationMayComeFromAPipe) {
  const std::string command = "printf '[federation]\\nrounds = 7\\n' | '" LORAE_BIN
                              "/lorae-coordinator' --print-config --config /dev/stdin | grep -q "
                              "'^rounds = 7'";
  EXPECT_EQ(std::system(command.c_str()), 0);
  expect(run({"lorae-coordinator", "--config", "/dev/zero"}), kConfig, "does not end");
}

TEST_F(Surroundings, AFolderOfOthersIsNotWrittenInto) {
  fs::create_directory(path("mine"));
  std::ofstream(path("mine/report.html")) << "my report";
  const fs::path config = write_small_config(folder_.path(), 1);
  expect(run({"lorae-simulate", config.string(), "--home", path("home"), "--out", path("mine")}),
         kConfig, "holds files, but not those of a simulation");
  expect(run({"lorae", "train", path("images"), "--out", path("mine")}), kConfig,
         "holds files, but not those of a training");
  std::ifstream report(path("mine/report.html"));
  std::string text;
  std::getline(report, text);
  EXPECT_EQ(text, "my report");
  EXPECT_EQ(std::distance(fs::directory_iterator(path("mine")), fs::directory_iterator{}), 1);
}

TEST_F(Surroundings, SimulationsOfOneSecondHaveFoldersOfTheirOwn) {
  const fs::path config = write_small_config(folder_.path(), 1);
  constexpr int kMany = 4;
  std::vector<Process> all;
  for (int i = 0; i < kMany; ++i) {
    all.emplace_back(
        Process::Options{.arguments = {"lorae-simulate", config.string(), "--home", path("home"),
                                       "--set", "data.path=" + path("nothing")},
                         .output = path("simulate-" + std::to_string(i)),
                         .folder = folder_.path()});
  }
  for (Process& one : all) {
    EXPECT_EQ(one.wait(kLong), kConfig) << one.errors();
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(path("simulations")), fs::directory_iterator{}),
            kMany);
}

TEST_F(Surroundings, InterruptedProgramsSayHowToGoOn) {
  if (!has_fashion_mnist()) {
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  const fs::path config = write_small_config(folder_.path(), 1000);
  Process simulation({.arguments = {"lorae-simulate", config.string(), "--home", path("home"),
                                    "--out", path("out")},
                      .output = path("simulate")});
  ASSERT_TRUE(simulation.wait_for("pre-training", kLong)) << simulation.errors();
  simulation.kill(SIGINT);
  EXPECT_EQ(simulation.wait(kSoon), 130);
  EXPECT_NE(simulation.errors().find("lorae-simulate: interrupted; "), std::string::npos)
      << simulation.errors();
  EXPECT_NE(simulation.errors().find("--resume --out " + path("out")), std::string::npos)
      << simulation.errors();

  Process client({.arguments = {"lorae-client", "--home", path("home"), "--name", "a",
                                "--coordinator", "tcp://127.0.0.1:" + std::to_string(free_port())},
                  .output = path("client")});
  ASSERT_TRUE(client.wait_for("client.start", kLong)) << client.errors();
  client.kill(SIGINT);
  EXPECT_EQ(client.wait(kSoon), 130);
  EXPECT_NE(client.errors().find("client.stop by a signal"), std::string::npos) << client.errors();
}

TEST_F(Surroundings, ATerminalOfEightyColumnsGetsLinesThatFit) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"lorae", "params", "resnet18"},
        {"lorae", "params", "fasterrcnn_resnet50_fpn"},
        {"lorae", "params", "yolo11n-seg"},
        {"lorae", "profile", "resnet18", "--side", "32"}}) {
    const PseudoTerminal terminal(80);
    const Finished done = run(
        {.arguments = command, .output = {}, .environment = {{"TERM", "xterm"}}, .prepare = [&] {
           ::dup2(terminal.descriptor(), STDOUT_FILENO);
         }});
    EXPECT_EQ(done.status, 0) << done.errors;
    std::istringstream lines(terminal.written());
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 81U) << line;  // and its \r
    }
  }
}

TEST_F(Surroundings, ALogHasColoursOnlyWhereTheyAreWanted) {
  const auto written = [&](const std::map<std::string, std::string>& environment) {
    const PseudoTerminal terminal(80);
    Process client(
        {.arguments = {"lorae-client", "--home", path("home"), "--name", "a", "--coordinator",
                       "tcp://127.0.0.1:" + std::to_string(free_port())},
         .output = path("client"),
         .environment = environment,
         .prepare = [&] { ::dup2(terminal.descriptor(), STDERR_FILENO); }});
    std::string text;
    const auto end = std::chrono::steady_clock::now() + kLong;
    while (text.find("client.start") == std::string::npos &&
           std::chrono::steady_clock::now() < end) {
      client.wait(std::chrono::milliseconds(5));
      text += terminal.written();
    }
    return text;
  };
  EXPECT_NE(written({{"TERM", "xterm"}, {"NO_COLOR", ""}}).find('\033'), std::string::npos);
  for (const auto& [name, value] : {std::pair("NO_COLOR", "1"), std::pair("TERM", "dumb")}) {
    std::map<std::string, std::string> environment = {{"TERM", "xterm"}, {"NO_COLOR", ""}};
    environment[name] = value;
    const std::string text = written(environment);
    EXPECT_EQ(text.find('\033'), std::string::npos) << name << "=" << value << ": " << text;
  }
}

}  // namespace
}  // namespace lorae::test
