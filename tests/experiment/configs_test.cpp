// Every file in configs/ is loaded, and printed and read back without a change.
#include <gtest/gtest.h>

#include <filesystem>

#include "apps/client/options.h"
#include "experiment/run_config.h"

namespace lorae::experiment {
namespace {

namespace fs = std::filesystem;

TEST(Configs, EachOneLoadsAndSurvivesPrinting) {
  int loaded = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(LORAE_SOURCE) / "configs")) {
    if (entry.path().extension() != ".toml") {
      continue;
    }
    ConfigReader reader = ConfigReader::load(entry.path());
    if (entry.path().stem() == "client") {
      apps::ClientOptions options;
      reader.read("", options);
      reader.finish();
      EXPECT_FALSE(options.name.empty());
      continue;
    }
    const std::string text = print_run_config(read_run_config(reader));
    ConfigReader again = ConfigReader::parse(text, "printed");
    EXPECT_EQ(print_run_config(read_run_config(again)), text) << entry.path();
    ++loaded;
  }
  EXPECT_GE(loaded, 2);
}

TEST(Configs, MethodsAreFoundByName) {
  const RunConfig config;

  EXPECT_EQ(find_method(config, "").name, "lorae-r8");
  EXPECT_EQ(find_method(config, "lorae-r8").kind, adapters::Kind::kLorae);
  EXPECT_THROW(find_method(config, "unknown"), Error);
}

RunConfig read(const std::string& text) {
  ConfigReader reader = ConfigReader::parse(text, "run.toml");
  return read_run_config(reader);
}

/// The message of the error.
template <typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidConfig);
    return error.what();
  }
  ADD_FAILURE() << "expected an error";
  return "";
}

TEST(Configs, MethodsMayHaveSectionsOfTheirOwn) {
  const RunConfig config = read(
      "[model]\nname = \"resnet18\"\n[data]\npartition = \"iid\"\n[training]\nlocal_epochs = 3\n"
      "[[methods]]\nname = \"alike\"\n"
      "[[methods]]\nname = \"skewed\"\nserver.learning_rate = 0.25\n"
      "[methods.data]\npartition = \"dirichlet\"\ndirichlet_alpha = 0.1\n"
      "[methods.model]\nname = \"yolov8n-cls\"\n"
      "[methods.training]\nlocal_epochs = 1\noptimizer = \"adamw\"\n");
  const RunConfig alike = of_method(config, config.methods[0]);
  const RunConfig skewed = of_method(config, config.methods[1]);
  EXPECT_EQ(alike.model.name, "resnet18");
  EXPECT_EQ(alike.data.partition, data::Deal::kIid);
  EXPECT_EQ(alike.training.optimizer, "sgd");
  EXPECT_EQ(skewed.model.name, "yolov8n-cls");
  EXPECT_EQ(skewed.data.partition, data::Deal::kDirichlet);
  EXPECT_EQ(skewed.data.dirichlet_alpha, 0.1);
  EXPECT_EQ(skewed.data.public_images, config.data.public_images);
  EXPECT_EQ(skewed.training.local_epochs, 1);
  EXPECT_EQ(skewed.methods.size(), 1U);
  for (const RunConfig& whole : {config, alike, skewed}) {
    const std::string text = print_run_config(whole);
    EXPECT_EQ(print_run_config(read(text)), text);
  }
  EXPECT_NE(print_run_config(config).find("data.dirichlet_alpha = 0.1"), std::string::npos);
  EXPECT_EQ(error_of([] { read("[[methods]]\nname = \"a\"\n[methods.data]\nalpha = 1\n"); }),
            "run.toml:4: methods.0.data.alpha: unknown key; did you mean 'methods.0.data.path'?");
}

TEST(Configs, ABaselineThatIsNoMethodIsRefused) {
  const std::string two = "[[methods]]\nname = \"a\"\n[[methods]]\nname = \"b\"\n";
  EXPECT_NE(error_of([&] { check_baseline(read(two)); }).find("no method 'full'"),
            std::string::npos);
  check_baseline(read("[simulation]\nbaseline = \"b\"\n" + two));
  check_baseline(read("[[methods]]\nname = \"a\"\n"));  // nothing is compared
}

TEST(Configs, MeanAndDeviationMayBeGivenByChannelOrByName) {
  const RunConfig named =
      read("[model]\nchannels = 3\nmean = \"imagenet\"\nstandard_deviation = [0.2, 0.25, 0.3]\n");
  EXPECT_EQ(named.model.mean, models::kImageNetMean);
  EXPECT_EQ(named.model.standard_deviation, (std::vector<double>{0.2, 0.25, 0.3}));
  EXPECT_EQ(read("[model]\nmean = 0.5\n").model.mean, std::vector<double>{0.5});
  EXPECT_EQ(error_of([] { read("[model]\nmean = [0.1, 0.2]\n"); }),
            "run.toml:2: model.mean: expected one number, or one for each of 1 channels, got 2");
  EXPECT_EQ(
      error_of([] { read("[model]\nmean = \"cifar\"\n"); }),
      "run.toml:2: model.mean: expected a number in [0, 1], a list of them or \"imagenet\", got "
      "\"cifar\"");
  EXPECT_EQ(error_of([] { read("[model]\nmean = [0.1, 7.0, 0.2]\n"); }),
            "run.toml:2: model.mean: expected numbers in [0, 1], got [0.1, 7.0, 0.2]");
}

TEST(Configs, AMostOfBytesNeedsStepsOfAnySize) {
  const RunConfig fits = read(
      "[[methods]]\nname = \"a\"\nuplink = \"delta,rms_step:1.0,range\"\nmax_uplink = \"2 kB\"\n");
  EXPECT_EQ(fits.methods[0].max_uplink.value, 2000);
  EXPECT_EQ(
      error_of([] { read("[[methods]]\nname = \"a\"\nmax_uplink = \"2 kB\"\n"); }),
      "run.toml:3: methods.0.max_uplink: needs an uplink of changes in steps of any size, such "
      "as \"delta,rms_step:1.0,range\", got \"delta,int8:row,zstd\"");
}

TEST(Configs, ARankOfZeroNeedsABoundOfBytes) {
  const RunConfig fits = read(
      "[[methods]]\nname = \"a\"\nrank = 0\nuplink = \"delta,rms_step:1.0,range\"\n"
      "max_uplink = \"2 kB\"\n");
  EXPECT_EQ(fits.methods[0].lorae.rank, 0);
  EXPECT_EQ(
      error_of([] { read("[[methods]]\nname = \"a\"\nrank = 0\n"); }),
      "run.toml:3: methods.0.rank: 0 takes as many as max_uplink lets through; set that, or a "
      "rank");
}

TEST(Configs, AResidualAndARuleThatFillsItGoTogether) {
  const std::string whole = "[server]\nlearning_rate = 1\nmomentum = 0\n",
                    rule = "[[methods]]\nname = \"a\"\naggregation = \"stacking\"\n",
                    leads = "aggregation = \"stacking\" leads all the way";
  EXPECT_EQ(read(whole + rule + "residual_rank = 8\n").methods[0].lorae.residual_rank, 8);
  EXPECT_EQ(error_of([&] { read(whole + rule); }),
            "methods.0.residual_rank: aggregation = \"stacking\" needs a rank to fill; set it to 8 "
            "or more");
  EXPECT_EQ(error_of([] { read("[[methods]]\nname = \"a\"\nresidual_rank = 8\n"); }),
            "run.toml:3: methods.0.residual_rank: nothing fills it with aggregation = "
            "\"factor_mean\"; set \"residual\" or \"stacking\", or leave it 0");
  for (const char* train : {"mapper", "alternating", "core"}) {
    EXPECT_EQ(
        error_of([&] { read(whole + rule + "residual_rank = 8\ntrain = \"" + train + "\"\n"); }),
        "run.toml:8: methods.0.train: aggregation = \"stacking\" is for adapters whose "
        "extractors and mappers are trained: kind = \"lorae\", train = \"factors\"");
  }
  EXPECT_EQ(
      error_of([&] { read(rule + "residual_rank = 8\n"); }),
      "methods.0.server: " + leads + "; set name = \"sgd\", learning_rate = 1 and momentum = 0");
  EXPECT_EQ(error_of([&] { read(whole + rule + "residual_rank = 8\nweighting = \"fednova\"\n"); }),
            "run.toml:8: methods.0.weighting: \"fednova\" is for plain means, and stretches what "
            "other rules find; set aggregation = \"factor_mean\", or another weighting");
}

void expect_says(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST(Configs, RulesGoWithWhatTheyAreTold) {
  const std::string method = "[[methods]]\nname = \"a\"\n";
  const std::string nova = method + "weighting = \"fednova\"\n";
  EXPECT_EQ(read(nova).methods[0].rule.weighting, "fednova");
  expect_says(error_of([&] { read(nova + "aggregation = \"factor_median\"\n"); }),
              "run.toml:3: methods.0.weighting: \"fednova\" is for plain means");
  for (const char* local : {"optimizer = \"adam\"\n", "proximal = 0.1\n"}) {
    expect_says(error_of([&] { read(std::string("[training]\n") + local + nova); }),
                "\"fednova\" knows how far steps of SGD lead");
  }
  for (const char* rests : {"aggregation = \"rank_mean\"\n", "train = \"alternating\"\n"}) {
    expect_says(error_of([&] { read(method + rests + "uplink = \"int8:row,zstd\"\n"); }),
                "rounds what a client did not train, too; send changes: "
                "\"delta,int8:row,zstd\"");
    EXPECT_NO_THROW(read(method + rests + "uplink = \"zstd\"\n"));
    EXPECT_NO_THROW(read(method + rests + "uplink = \"delta,int8:row,zstd\"\n"));
  }
  const std::string looks = method + "aggregation = \"product_mean\"\n";
  expect_says(error_of([&] { read(looks + "downlink = \"int8:row,zstd\"\n"); }),
              "methods.0.downlink: product_mean looks at the state that clients have");
  EXPECT_NO_THROW(read(looks + "downlink = \"int8:row,zstd\"\nlattice = 1.0\n"));
  EXPECT_NO_THROW(read(looks + "downlink = \"zstd\"\n"));
}

TEST(Configs, SidesAreThoseThatANetworkCanJoin) {
  const auto with = [](const char* name, int side, int pool = 1) {
    return str("[model]\nname = \"", name, "\"\npool = ", pool, "\nheight = ", side,
               "\nwidth = ", side, '\n');
  };
  for (const char* name : {"yolov8n", "yolo11n-seg", "unet_resnet34"}) {
    expect_says(error_of([&] { read(with(name, 100)); }),
                "takes sides in multiples of 32, got 100 x 100");
    EXPECT_NO_THROW(read(with(name, 96)));
  }
  expect_says(error_of([&] { read(with("unet_resnet34", 96, 2)); }),
              "takes sides in multiples of 64, got 96 x 96");
  EXPECT_NO_THROW(read(with("resnet18", 100)));
  EXPECT_NO_THROW(read(with("yolov8n-cls", 100)));
}

TEST(Configs, ClassMeansStartTheTrainedHeadOfAClassifier) {
  const std::string start = "[[methods]]\nname = \"a\"\nhead_start = \"class_means\"\n";
  EXPECT_EQ(read(start).methods[0].head_start, training::HeadStart::kClassMeans);
  EXPECT_EQ(
      error_of([&] { read(start + "head = \"none\"\n"); }),
      "run.toml:3: methods.0.head_start: class means start a head that is trained; set head = "
      "\"last\"");
  EXPECT_EQ(
      error_of([&] { read("[model]\nname = \"yolov8n\"\nheight = 32\nwidth = 32\n" + start); }),
      "run.toml:7: methods.0.head_start: class means start the head of a classifier, and "
      "\"yolov8n\" is none; leave it \"backbone\"");
}

TEST(Configs, FactorsAndLayersThatTakeTheSameTurnsAreRefused) {
  const std::string turns =
      "[[methods]]\nname = \"a\"\ntrain = \"alternating\"\nuplink = "
      "\"delta,segments:6,rms_step:1.0,range\"\nperiod = ";
  EXPECT_EQ(read(turns + "5\n").methods[0].period, 5);
  EXPECT_TRUE(read(turns + "4\nfeedback = true\n").methods[0].feedback);
  EXPECT_EQ(
      error_of([&] { read(turns + "4\n"); }),
      "run.toml:5: methods.0.period: with segments:6 and period = 4 some factors are never "
      "sent in the rounds in which they are trained; take numbers without a common divisor, or "
      "feedback = true");
}

TEST(Configs, ASeedThatComesTwiceIsRefused) {
  EXPECT_EQ(error_of([] { read("[simulation]\nseeds = [1, 0, 1]\n"); }),
            "run.toml:2: simulation.seeds: a seed comes twice, and would count twice");
}

TEST(Configs, PathsBecomeAbsolute) {
  const RunConfig config = read(
      "[data]\npath = \"pictures\"\n[[methods]]\nname = \"a\"\n"
      "[[methods]]\nname = \"b\"\ndata.path = \"others\"\n");
  const auto here = std::filesystem::current_path();
  EXPECT_EQ(config.data.path, here / "pictures");
  EXPECT_EQ(config.methods[0].own.data.path, here / "pictures");
  EXPECT_EQ(config.methods[1].own.data.path, here / "others");
}

TEST(Configs, ADeviceIsNoPartOfWhatARunIs) {
  EXPECT_EQ(read("device = \"cpu\"\n").compute.device, std::vector<std::string>{"cpu"});
  EXPECT_EQ(read("device = [\"cuda:0\", \"cuda:1\"]\n").compute.device.size(), 2U);
}

TEST(Configs, ACohortLargerThanTheFederationIsRefused) {
  ConfigReader reader =
      ConfigReader::parse("[federation]\nclients = 4\nmin_clients = 2\ncohort = 5\n", "run.toml");

  try {
    read_run_config(reader);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "run.toml:4: federation.cohort: expected at most federation.clients (4), got 5");
  }
}

}  // namespace
}  // namespace lorae::experiment
