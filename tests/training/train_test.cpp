#include "training/train.h"

#include <fstream>

#include "adapters/adapter_file.h"
#include "base/atomic_file.h"
#include "models/weights.h"
#include "tensors/safetensors.h"
#include "tensors/threads.h"
#include "tensors/torch.h"
#include "tests/data/files.h"
#include "tests/tensors/helpers.h"
#include "tests/training/helpers.h"
#include "training/train_files.h"

namespace lorae::training {
namespace {

namespace files = data::testing;
using lorae::testing::expect_error;
using lorae::testing::same_bits;

/// 60 striped images to train on, 30 to measure, as IDX files.
class TrainTest : public ::testing::Test {
 protected:
  TrainTest() {
    use_one_thread();
    write_half("train", 60, 1);
    write_half("t10k", 30, 2);
  }

  void write_half(const char* half, std::uint32_t count, std::uint64_t seed) {
    const data::ImageSet set = testing::striped_images(count, seed);
    files::write(folder_ / str("data/", half, "-images-idx3-ubyte"),
                 files::big_endian(0x803) + files::big_endian(count) + files::big_endian(8) +
                     files::big_endian(8) + bytes_of(set.images));
    files::write(folder_ / str("data/", half, "-labels-idx1-ubyte"),
                 files::big_endian(0x801) + files::big_endian(count) +
                     bytes_of(set.labels.to(torch::kUInt8)));
  }

  static std::string bytes_of(const at::Tensor& uint8) {
    return {static_cast<const char*>(uint8.data_ptr()), static_cast<std::size_t>(uint8.numel())};
  }

  TrainSettings settings(const std::string& out, const std::vector<std::string>& keys = {}) const {
    ConfigReader reader;
    reader.set("data", {(folder_ / "data").string(), "test"});
    for (const char* key :
         {"model.name=resnet8", "train.kind=full", "train.epochs=3", "train.batch_size=16",
          "train.workers=0", "augment.flip=0", "threads=1"}) {
      reader.set(key);
    }
    for (const std::string& key : keys) {
      reader.set(key);
    }
    return {.config = read_train_config(reader), .out = folder_ / out};
  }

  TemporaryFolder folder_;
};

TEST_F(TrainTest, SuitsTheModelToTheData) {
  const TrainConfig config = settings("run").config;
  EXPECT_EQ(config.model.height, 8);
  EXPECT_EQ(config.model.channels, 1);
  EXPECT_EQ(config.model.classes, 10);
  EXPECT_EQ(config.classes[1], "Trouser");
  EXPECT_EQ(settings("run", {"model.height=16", "model.width=16"}).config.model.height, 16);
  ConfigReader again = ConfigReader::parse(print_train_config(config), "config.toml");
  EXPECT_EQ(print_train_config(read_train_config(again)), print_train_config(config));
}

TEST(TrainPlan, NeedsNoData) {
  const auto plan = [](const std::string& toml) {
    ConfigReader reader = ConfigReader::parse("data = \"/nowhere\"\n" + toml, "plan.toml");
    return read_train_plan(reader);
  };
  const TrainConfig detector = plan("model.name = \"yolov8n\"\nmodel.classes = 20\n");
  EXPECT_EQ(detector.train.task, "detection");
  EXPECT_EQ(detector.model.height, 640);
  EXPECT_EQ(detector.model.classes, 20);
  EXPECT_EQ(detector.model.stem, "standard");
  const TrainConfig classifier =
      plan("recipe = \"paper-cls\"\nmodel.name = \"yolov8n-cls\"\nmodel.classes = 100\n");
  EXPECT_EQ(classifier.model.height, 32) << "as the recipe says";
  EXPECT_EQ(classifier.model.channels, 3);
  EXPECT_EQ(classifier.train.batch_size, 1024);
  EXPECT_THROW(plan("train.epoch = 3\n"), Error);
}

TEST_F(TrainTest, LearnsAndKeepsWhatOthersCanRead) {
  const TrainSettings asked = settings("run", {"train.epochs=6", "train.average_decay=0.5"});
  const TrainSummary summary = train(asked);
  EXPECT_EQ(summary.epochs, 6);
  EXPECT_GT(summary.metrics.find("top1").value(), 0.8);
  EXPECT_GT(summary.images_per_second, 0);
  EXPECT_EQ(summary.trained_parameters, 308074) << "BatchNorm's included";

  const auto model = models::build(asked.config.model, Seed{7});
  for (const char* name : {"best", "last", "ema"}) {
    models::load_weights(*model,
                         load_safetensors(folder_ / str("run/", name, ".safetensors")).state);
  }
  std::ifstream results(folder_ / "run/results.csv");
  std::string header, row;
  std::getline(results, header);
  std::getline(results, row);
  EXPECT_EQ(header, "epoch,step,seconds,lr,train/loss,val/top1,val/top5,val/loss");
  EXPECT_EQ(row.substr(0, 4), "1,4,");
  EXPECT_NE(files::read(folder_ / "run/train.json").find(summary.digest), std::string::npos);
  const Figures figures = parse_figures(files::read(folder_ / "run/figures.json")).value();
  EXPECT_EQ(figures.metrics, summary.metrics) << "of the best epoch";
  EXPECT_EQ(figures.classes.at(1), "Trouser");
  std::int64_t pictures = 0;
  for (const Confusion::Pair& pair : figures.confusion->pairs) {
    pictures += pair.count;
  }
  EXPECT_EQ(pictures, 30);
  const cv::Mat sheet = cv::imread(folder_ / "run/predictions.jpg");
  EXPECT_GT(sheet.cols, 900);
  EXPECT_GT(sheet.rows, 6 * 224) << "twelve pictures, two a row";
}

TEST_F(TrainTest, TrainsAdaptersForABackboneThatStays) {
  const TrainSettings first = settings("full");
  train(first);
  TrainSettings lorae = settings("lorae", {"train.kind=lorae", "train.rank=4"});
  lorae.config.weights = folder_ / "full/last.safetensors";
  const TrainSummary summary = train(lorae);
  EXPECT_LT(summary.trained_parameters, summary.total_parameters / 5);

  const auto model = models::build(lorae.config.model, std::nullopt);
  models::load_weights(*model, load_safetensors(lorae.config.weights).state);
  models::apply_adapter(*model, adapters::load_adapter(folder_ / "lorae/best.safetensors"));
  model->fuse();
  const auto task = tasks::make_task("classification", {.classes = 10});
  data::Loader images(data::open_dataset(folder_ / "data", 1, data::Split::kTest),
                      {.shape = {1, 8, 8}, .batch_size = 30, .shuffle = false}, {});
  EXPECT_NEAR(tasks::evaluate(*model, *task, images)->result().find("loss").value(),
              summary.metrics.find("loss").value(), 1e-4);
}

struct Killed {};

std::int64_t count_of(const std::string& text, const std::string& what) {
  std::int64_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++count;
  }
  return count;
}

TEST_F(TrainTest, GoesOnAfterAKillWithTheBitsOfAnUndisturbedOne) {
  const std::vector<std::string> keys = {"train.average_decay=0.9", "train.optimizer=adamw",
                                         "augment.flip=0.5", "augment.crop_area=0.5",
                                         "augment.erasing=0.5"};
  const TrainSummary whole = train(settings("whole", keys));
  for (const int kill : {1, 4, 5, 9, 11}) {
    const std::string name = str("killed", kill);
    TrainSettings asked = settings(name, keys);
    asked.config.train.workers = kill % 3;
    int steps = 0;
    EXPECT_THROW(train(asked, {.on_step =
                                   [&](const FitStep&) {
                                     if (++steps == kill) {
                                       throw Killed{};
                                     }
                                   }}),
                 Killed);
    asked.config.train.workers = (kill + 1) % 3;
    asked.resume = true;
    const TrainSummary resumed = train(asked);
    EXPECT_EQ(resumed.digest, whole.digest) << "after step " << kill;
    EXPECT_EQ(resumed.metrics, whole.metrics);
    EXPECT_EQ(count_of(files::read(folder_ / name / kEventsFile), "train/loss"), 3)
        << "each epoch once";
    for (const char* file : {"best", "last", "ema"}) {
      EXPECT_TRUE(same_bits(load_safetensors(folder_ / str(name, '/', file, ".safetensors")).state,
                            load_safetensors(folder_ / str("whole/", file, ".safetensors")).state))
          << file;
    }
  }
}

TEST_F(TrainTest, SavesWhenItIsAskedToStop) {
  const TrainSummary whole = train(settings("whole"));
  TrainSettings asked = settings("stopped");
  int steps = 0;
  const TrainSummary stopped = train(asked, {.on_step = [&](const FitStep&) { ++steps; },
                                             .should_stop = [&] { return steps == 6; }});
  EXPECT_TRUE(stopped.stopped);
  asked.resume = true;
  steps = 0;
  EXPECT_EQ(train(asked, {.on_step = [&](const FitStep&) { ++steps; }}).digest, whole.digest);
  EXPECT_EQ(steps, 6) << "of 12, six were done";
  const std::string ended = files::read(folder_ / "stopped/train.json");
  const TrainSummary again = train(asked);
  EXPECT_GT(again.images_per_second, 0) << "though nothing was left to do";
  EXPECT_EQ(files::read(folder_ / "stopped/train.json"), ended);
}

TEST_F(TrainTest, EndsWithoutProgressWhenItsPatienceIsOver) {
  const TrainSummary summary =
      train(settings("run", {"train.epochs=50", "train.learning_rate=0", "train.patience=2"}));
  EXPECT_EQ(summary.epochs, 3);
  EXPECT_EQ(summary.best_epoch, 1);
}

TEST_F(TrainTest, EndsAfterSoManySteps) {
  const TrainSummary summary = train(settings("run", {"train.steps=6"}));
  EXPECT_EQ(summary.epochs, 2) << "the second in part, and measured";
  EXPECT_TRUE(std::filesystem::exists(folder_ / "run/best.safetensors"));
}

/// Gradients of four batches make a step: a training ends and stops between two of them all the
/// same, and what is finished is not ended again.
TEST_F(TrainTest, EndsAndStopsWhereGradientsAreGathered) {
  const std::vector<std::string> keys = {"train.nominal_batch=32", "train.warmup_epochs=0",
                                         "train.steps=6", "train.batch_size=8"};
  TrainSettings given = settings("run", keys);
  EXPECT_EQ(train(given).epochs, 1) << "six steps of eight, measured";
  const auto results = read_file(folder_ / "run/results.csv");
  given.resume = true;
  EXPECT_EQ(train(given).epochs, 1);
  EXPECT_EQ(read_file(folder_ / "run/results.csv"), results);

  TrainSettings asked = settings("stopped", keys);
  int steps = 0;
  EXPECT_TRUE(train(asked, {.on_step = [&](const FitStep&) { ++steps; },
                            .should_stop = [&] { return steps >= 1; }})
                  .stopped);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "stopped/state.safetensors"));
  const int before = std::exchange(steps, 0);
  asked.resume = true;
  EXPECT_EQ(train(asked, {.on_step = [&](const FitStep&) { ++steps; }}).digest,
            train(settings("whole", keys)).digest);
  EXPECT_EQ(before + steps, 6);
}

/// Whatever is trained of a model, its file is whole.
TEST_F(TrainTest, AHeadAndNormsAreSavedWithTheirBackbone) {
  train(settings("backbone", {"train.epochs=1"}));
  const std::string weights = "weights=" + (folder_ / "backbone/best.safetensors").string();
  for (const char* norm : {"frozen", "affine", "trained"}) {
    train(settings(norm, {"train.kind=head", weights, str("train.norm=", norm), "train.epochs=1"}));
    EXPECT_EQ(load_safetensors(folder_ / norm / "best.safetensors").state.size(),
              load_safetensors(folder_ / "backbone/best.safetensors").state.size())
        << norm;
  }
}

/// Classes one after the other, each stage on what the one before left.
TEST_F(TrainTest, LearnsInStages) {
  train(settings("backbone"));
  const auto staged = [&](const std::string& kind, const std::string& out) {
    TrainSettings given = settings(
        out, {"train.kind=" + kind, "weights=" + (folder_ / "backbone/best.safetensors").string()});
    given.config.stages = {"T-shirt/top, Trouser", "Pullover"};
    return given;
  };
  std::vector<std::filesystem::path> begun;
  TrainEvents events;
  events.on_start = [&](std::int64_t, const std::filesystem::path& folder) {
    begun.push_back(folder);
  };
  const TrainSummary summary = train(staged("lorae", "run"), events);

  EXPECT_EQ(begun, (std::vector{folder_ / "run/stage-1", folder_ / "run/stage-2"}));
  ConfigReader second = ConfigReader::load(folder_ / "run/stage-2/config.toml");
  const TrainConfig config = read_use_config(second, {});
  EXPECT_EQ(config.learn, (std::vector<std::string>{"Pullover"}));
  EXPECT_EQ(config.judge, (std::vector<std::string>{"T-shirt/top", "Trouser", "Pullover"}));
  EXPECT_EQ(config.weights, (folder_ / "run/stage-1/merged.safetensors").string());
  // What the second stage adapts is what the first one made, and no longer the backbone.
  const auto adapter = adapters::load_adapter(folder_ / "run/stage-2/best.safetensors");
  auto model = models::build(config.model, Seed{config.seed});
  models::load_matching(*model, load_safetensors(config.weights).state);
  EXPECT_EQ(adapter.info.base_digest, digest_of(model->backbone()).hex());
  const std::string told(text_of(read_file(folder_ / "run/train.json")));
  EXPECT_NE(told.find(R"("classes":["T-shirt/top","Trouser"])"), std::string::npos) << told;
  EXPECT_NE(told.find(R"("folder":"stage-2")"), std::string::npos) << told;
  EXPECT_NE(told.find(summary.digest), std::string::npos) << told;

  // Killed in the second stage: the first one stays.
  std::filesystem::remove_all(folder_ / "run/stage-2");
  TrainSettings again = staged("lorae", "run");
  again.resume = true;
  EXPECT_EQ(train(again).digest, summary.digest);

  train(staged("full", "retrain"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "retrain/stage-2/best.safetensors"));
  TrainSettings wrong = staged("full", "wrong");
  wrong.config.stages = {"T-shirt/top", " , "};
  expect_error(
      ErrorCode::kInvalidConfig, [&] { train(wrong); }, "stage 2 names no class");
}

TEST_F(TrainTest, RefusesAFolderOfAnotherTraining) {
  expect_error(
      ErrorCode::kInvalidConfig,
      [&] {
        TrainSettings none = settings("none");
        none.resume = true;
        train(none);
      },
      "holds no training to go on with");
  train(settings("run"));
  expect_error(
      ErrorCode::kInvalidConfig, [&] { train(settings("run")); }, "go on with --resume");
  TrainSettings other = settings("run", {"train.batch_size=8"});
  other.resume = true;
  expect_error(
      ErrorCode::kInvalidConfig, [&] { train(other); },
      "the configuration of another training: train.batch_size 16 -> 8; give the same flags");
}

TEST(TrainFiles, NameThePartsOfTheLossBehindIt) {
  const TemporaryFolder folder;
  const TrainFolder files(folder / "run", TrainConfig{}, /*resume=*/false);
  TrainProgress progress{
      .epochs = {{.epoch = 1, .steps = 3, .loss = 2, .metrics = {{"map50", 0.25}}},
                 {.epoch = 2,
                  .steps = 6,
                  .loss = 1.5,
                  .parts = {{"box", 1}, {"class", 0.5}},
                  .metrics = {{"map50", 0.5}}}},
      .best_epoch = 2};

  files.write_results(progress);
  files.save_state({}, progress);

  EXPECT_EQ(text_of(read_file(folder / "run/results.csv")),
            "epoch,step,seconds,lr,train/loss,train/box,train/class,val/map50\n"
            "1,3,0.000,0,2,nan,nan,0.25\n"  // by a build that did not know them
            "2,6,0.000,0,1.5,1,0.5,0.5\n");
  EXPECT_EQ(files.load_state()->second.epochs[1].parts, progress.epochs[1].parts);
}

TEST(TrainFiles, OfALossThatWasNoNumberAreReadAgain) {
  const TemporaryFolder folder;
  const TrainFolder files(folder / "run", TrainConfig{}, /*resume=*/false);
  const double none = std::nan("");
  const StateDict losses({{"fit.last_epoch_loss", torch::tensor(none)}});
  files.save_state(losses, {.epochs = {{.epoch = 1,
                                        .steps = 3,
                                        .loss = none,
                                        .parts = {{"box", HUGE_VAL}},
                                        .metrics = {{"top1", 0.5}, {"loss", none}}}},
                            .best_epoch = 1});
  const TrainProgress again = files.load_state()->second;
  EXPECT_TRUE(std::isnan(again.epochs[0].loss));
  EXPECT_TRUE(std::isnan(*again.epochs[0].parts.find("box")));
  EXPECT_EQ(again.epochs[0].metrics.find("top1"), 0.5);
}

TEST(TrainFiles, AreOfTheSameTrainingWhateverItsConfigurationLooksLike) {
  const TemporaryFolder folder;
  TrainConfig config;
  config.data = "/data";
  const TrainFolder made(folder / "run", config, /*resume=*/false);
  const auto path = folder / "run/config.toml";
  write_file_atomic(path, "# by hand\n" + std::string(text_of(read_file(path))) + "\n");

  config.threads = 3;
  config.train.workers = 7;
  const TrainFolder again(folder / "run", config, /*resume=*/true);

  config.train.learning_rate = 0.5;
  expect_error(
      ErrorCode::kInvalidConfig, [&] { TrainFolder(folder / "run", config, true); },
      "another training: train.learning_rate 0.05 -> 0.5");
}

TEST_F(TrainTest, RefusesAnAdapterOnAHeadThatIsTrainedInFull) {
  expect_error(
      ErrorCode::kInvalidConfig,
      [&] {
        train(settings("run", {"train.kind=lorae", "train.targets=fc"}));
      },
      "to give it an adapter, set head = \"none\"");
}

}  // namespace
}  // namespace lorae::training
