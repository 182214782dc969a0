// Devices with images of their own: labels go by meaning, mistakes are told at once.
#include <gtest/gtest.h>

#include "tests/integration/deployment.h"
#include "tests/integration/pictures.h"

namespace lorae::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr int kMistake = 78;

/// A coordinator whose data are three classes of pictures, and devices with pictures of their own.
class OwnData : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_fashion_mnist()) {
      GTEST_SKIP() << "dataset-fashion-mnist is not installed";
    }
    const std::map<std::string, int> classes = {
        {"bag", kBag}, {"sneaker", kSneaker}, {"trouser", kTrouser}};
    write_pictures(folder_ / "run/train", classes, 60);
    write_pictures(folder_ / "run/test", classes, 40, 60);
  }

  std::string endpoint() const { return "tcp://127.0.0.1:" + std::to_string(port_); }

  Process coordinator(int clients, int rounds) const {
    std::vector<std::string> arguments{"lorae-coordinator",
                                       "--json",
                                       "--home",
                                       home(),
                                       "--bind",
                                       endpoint(),
                                       "--data",
                                       data("run"),
                                       "--rounds",
                                       std::to_string(rounds),
                                       "--min-clients",
                                       std::to_string(clients)};
    for (const std::string& setting :
         {std::string("model.classes=3"), std::string("model.pool=4"),
          std::string("data.public_images=120"), std::string("data.private_images=60"),
          std::string("data.test_images=120"), std::string("data.partition=iid"),
          std::string("pretraining.epochs=6"), std::string("pretraining.batch_size=16"),
          std::string("training.local_epochs=3"), std::string("federation.heartbeat=1"),
          std::string("federation.clients=4")}) {
      arguments.insert(arguments.end(), {"--set", setting});
    }
    return Process({.arguments = arguments, .output = folder_ / "coordinator.out"});
  }

  Process device(const std::string& name, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"lorae-client",  "--home",   home(),   "--name",  name,
                                       "--coordinator", endpoint(), "--data", data(name)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Process({.arguments = arguments, .output = folder_ / (name + ".out")});
  }

  std::string home() const { return (folder_ / "home").string(); }
  std::string data(const std::string& name) const { return (folder_ / name).string(); }

  TemporaryFolder folder_;
  int port_ = free_port();
};

TEST_F(OwnData, ClassesGoByNameWhateverADeviceHolds) {
  // Numbered by its own folders, each of these would teach wrong labels.
  write_pictures(folder_ / "some", {{"sneaker", kSneaker}, {"trouser", kTrouser}}, 20, 100);
  write_pictures(folder_ / "case", {{"Bag", kBag}, {"SNEAKER", kSneaker}, {"Trouser", kTrouser}},
                 20, 120);
  write_pictures(folder_ / "one", {{"trouser", kTrouser}}, 30, 140);
  write_pictures(folder_ / "mapped", {{"bag", -1}, {"pants", kTrouser}, {"shoe", kSneaker}}, 20,
                 170);
  Process run = coordinator(4, 4);
  Process some = device("some");
  Process other_case = device("case");
  Process one = device("one");
  Process mapped = device("mapped", {"--set", "class_map=pants=trouser,shoe=sneaker"});

  ASSERT_EQ(run.wait(seconds(240)), 0) << run.errors();
  for (Process* client : {&some, &other_case, &one, &mapped}) {
    EXPECT_EQ(client->wait(seconds(30)), 0) << client->errors();
  }
  // With wrong labels it is below a half; with right ones it was 0.98 to 1 over many seeds.
  const std::string metrics = json_value(run.output(), "metrics");
  const std::size_t at = metrics.find("\"top1\":");
  ASSERT_NE(at, std::string::npos) << metrics;
  EXPECT_GT(std::stod(metrics.substr(at + 7)), 0.8) << run.output();
}

TEST_F(OwnData, UnknownClassesAreRefusedAndTheRunGoesOn) {
  write_pictures(folder_ / "good", {{"bag", kBag}, {"sneaker", kSneaker}}, 20, 100);
  write_pictures(folder_ / "odd", {{"bags", kBag}, {"sneaker", kSneaker}}, 20, 120);
  Process run = coordinator(1, 2);
  Process odd = device("odd");
  ASSERT_EQ(odd.wait(seconds(120)), kMistake) << odd.errors();
  EXPECT_NE(odd.errors().find("class 'bags' is none of the run's (nearest: 'bag'): the run has "
                              "'bag', 'sneaker', 'trouser', these images have 'bags', 'sneaker'"),
            std::string::npos)
      << odd.errors();

  Process good = device("good");
  EXPECT_EQ(run.wait(seconds(120)), 0) << run.errors();
  EXPECT_EQ(good.wait(seconds(30)), 0) << good.errors();
}

TEST_F(OwnData, APathThatHoldsNothingIsToldAtOnce) {
  const Finished done =
      run({"lorae-client", "--home", home(), "--name", "a", "--data", data("nothing")});
  EXPECT_EQ(done.status, kMistake);
  EXPECT_NE(done.errors.find("nothing' does not exist"), std::string::npos) << done.errors;
}

TEST_F(OwnData, DoNotFitTheDemonstration) {
  write_pictures(folder_ / "mine", {{"Bag", kBag}, {"Trouser", kTrouser}}, 20);
  Process demonstration(
      {.arguments = {"lorae-coordinator", "--home", home(), "--bind", endpoint(), "--rounds", "1",
                     "--set", "data.public_images=400", "--set", "pretraining.epochs=1"},
       .output = folder_ / "coordinator.out"});
  ASSERT_TRUE(demonstration.wait_for("run.demonstration", seconds(60))) << demonstration.errors();
  Process mine = device("mine");
  EXPECT_EQ(mine.wait(seconds(120)), kMistake) << mine.errors();
  EXPECT_NE(mine.errors().find("this run is the demonstration"), std::string::npos)
      << mine.errors();
}

}  // namespace
}  // namespace lorae::test
