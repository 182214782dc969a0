#include "experiment/backbone.h"

#include <fstream>
#include <future>

#include "base/atomic_file.h"
#include "tensors/safetensors.h"
#include "tensors/threads.h"
#include "tensors/torch.h"
#include "tests/base/temporary_folder.h"
#include "tests/tensors/helpers.h"
#include "tests/training/helpers.h"
#include "training/shares.h"

namespace lorae::experiment {
namespace {

namespace fs = std::filesystem;
using lorae::testing::expect_error;
using lorae::testing::same_bits;

constexpr std::int64_t kImages = 160;

std::string big_endian(std::int64_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes += static_cast<char>(value >> shift & 255);
  }
  return bytes;
}

std::string bytes_of(const at::Tensor& uint8) {
  return {static_cast<const char*>(uint8.data_ptr()), static_cast<std::size_t>(uint8.numel())};
}

/// Striped images as IDX files, so that pre-training reads them as it reads Fashion-MNIST.
void write_idx(const fs::path& folder) {
  const data::ImageSet set = training::testing::striped_images(kImages, 1);
  std::ofstream(folder / "train-images-idx3-ubyte", std::ios::binary)
      << big_endian(0x803) << big_endian(kImages) << big_endian(8) << big_endian(8)
      << bytes_of(set.images);
  std::ofstream(folder / "train-labels-idx1-ubyte", std::ios::binary)
      << big_endian(0x801) << big_endian(kImages) << bytes_of(set.labels.to(torch::kUInt8));
}

class Backbone : public ::testing::Test {
 protected:
  Backbone() {
    use_one_thread();
    fs::create_directory(folder_ / "data");
    write_idx(folder_ / "data");
    plan_.model.classes = 10;  // the IDX loader names ten
    plan_.data.path = folder_ / "data";
    plan_.data.public_images = 120;
    plan_.data.private_images = 20;
  }

  StateDict pretrained() const { return pretrained_backbone(plan_, options_, cache_).state; }

  /// The cached backbones.
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(cache_)) {
      if (entry.path().extension() == ".safetensors") {
        found.push_back(entry.path());
      }
    }
    return found;
  }

  TemporaryFolder folder_;
  fs::path cache_ = folder_ / "some" / "cache";
  training::Plan plan_ = training::testing::small_plan("lorae");
  training::PretrainingOptions options_{.epochs = 1, .batch_size = 40};
};

TEST_F(Backbone, IsTrainedOnceThenReadFromTheCache) {
  const StateDict first = pretrained();
  ASSERT_EQ(files().size(), 1U);
  const fs::path file = files().front();
  const auto time = fs::last_write_time(file);
  const Bytes bytes = read_file(file);

  const StateDict second = pretrained();

  EXPECT_TRUE(same_bits(second, first));
  EXPECT_EQ(files(), (std::vector<fs::path>{file}));
  EXPECT_EQ(fs::last_write_time(file), time);
  EXPECT_EQ(read_file(file), bytes);
  EXPECT_TRUE(file.filename().string().starts_with("resnet8-")) << file;
}

TEST_F(Backbone, IsWhatTheCachedFileHolds) {
  pretrained();
  const StateDict other({{"w", torch::ones({1})}});
  save_safetensors(files().front(), other);
  EXPECT_TRUE(same_bits(pretrained(), other));
}

TEST_F(Backbone, IsTheSameWhereverItIsTrained) {
  const StateDict first = pretrained();
  cache_ = folder_ / "another";
  EXPECT_TRUE(same_bits(pretrained(), first));
}

TEST_F(Backbone, FitsItsModelAndHasLearned) {
  options_.epochs = 8;
  options_.batch_size = 10;
  const training::Learner learner(plan_, pretrained());
  EXPECT_GT(learner.evaluate(training::public_images(plan_.data, plan_.model, Seed{plan_.seed}))
                .find("top1")
                .value(),
            0.8);
}

TEST_F(Backbone, HasTrainedBatchNormToo) {
  const StateDict backbone = pretrained();
  const StateDict start = training::testing::backbone_of(plan_, plan_.seed);
  for (const auto& [name, tensor] : backbone) {
    EXPECT_FALSE(same_bits(tensor, start.at(name))) << name;
    EXPECT_FALSE(tensor.requires_grad()) << name;
  }
}

TEST_F(Backbone, StaysAsItIsDrawnWithoutEpochs) {
  options_.epochs = 0;
  plan_.data.public_images = 0;
  plan_.data.path = folder_ / "nothing is read";
  plan_.model.norm_groups = 4;
  const StateDict backbone = pretrained();
  EXPECT_TRUE(same_bits(backbone, training::testing::backbone_of(plan_, plan_.seed)));
  EXPECT_FALSE(backbone.find("bn1.running_mean"));
}

TEST_F(Backbone, IsSharedByExperimentsThatDifferElsewhere) {
  pretrained();
  plan_.method.lorae.rank = 2;
  plan_.training.local_epochs = 9;
  plan_.data.private_images = 30;
  plan_.data.shift = training::Shift::kNone;
  pretrained();
  EXPECT_EQ(files().size(), 1U);
}

TEST_F(Backbone, IsTrainedAnewForWhatShapesIt) {
  pretrained();
  std::size_t expected = 1;
  const auto makes_another = [&](auto change) {
    const training::Plan plan = plan_;
    const training::PretrainingOptions options = options_;
    change();
    pretrained();
    EXPECT_EQ(files().size(), ++expected);
    plan_ = plan;
    options_ = options;
  };
  makes_another([&] { plan_.seed = 6; });
  makes_another([&] { plan_.data.public_images = 100; });
  makes_another([&] { plan_.model.classes = 11; });
  makes_another([&] { options_.epochs = 2; });
  makes_another([&] { options_.learning_rate = 0.05; });
}

TEST_F(Backbone, IsTrainedOnceByTwoThatStartTogether) {
  auto other = std::async(std::launch::async, [&] {
    use_one_thread();
    return pretrained();
  });
  const StateDict mine = pretrained();
  EXPECT_TRUE(same_bits(other.get(), mine));
  EXPECT_EQ(files().size(), 1U);
}

/// Weights under a wrapper's names, with a head of other classes.
StateDict of_somebody_else(const training::Plan& plan) {
  models::ModelOptions options = plan.model;
  options.classes = 5;
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, tensor] : models::build(options, Seed{77})->backbone()) {
    entries.emplace_back("module." + name, tensor.clone());
  }
  return StateDict(std::move(entries));
}

TEST_F(Backbone, MayBeOnesOwn) {
  const fs::path weights = folder_ / "mine.safetensors";
  const StateDict theirs = of_somebody_else(plan_);
  save_safetensors(weights, theirs);

  const experiment::Backbone own = own_backbone(plan_, weights, cache_);

  const StateDict start = training::testing::backbone_of(plan_, plan_.seed);
  for (const auto& [name, tensor] : own.state) {
    const bool head = name.starts_with("fc.");
    EXPECT_TRUE(same_bits(tensor, head ? start.at(name) : theirs.at("module." + name))) << name;
  }
  EXPECT_TRUE(same_bits(load_safetensors(own.file).state, own.state));
  EXPECT_EQ(own_backbone(plan_, weights, cache_).file, own.file);

  save_safetensors(weights, StateDict({{"something", torch::ones({3})}}));
  expect_error(
      ErrorCode::kIncompatible, [&] { own_backbone(plan_, weights, cache_); }, "have a place");
}

TEST_F(Backbone, NeedsImagesOrWeights) {
  plan_.data.public_images = 0;
  expect_error(
      ErrorCode::kInvalidConfig, [&] { pretrained(); }, "model.weights");
}

TEST_F(Backbone, ADamagedCacheIsAnErrorThatNamesTheFile) {
  pretrained();
  const fs::path file = files().front();
  fs::resize_file(file, fs::file_size(file) - 1);
  expect_error(
      ErrorCode::kCorruptData, [&] { pretrained(); }, str("'", file.string(), "': [safetensors] "));
}

}  // namespace
}  // namespace lorae::experiment
