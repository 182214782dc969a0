#include "client/local_round.h"

#include <gtest/gtest.h>

#include "adapters/blocks.h"
#include "client/disk_memory.h"
#include "codec/chain.h"
#include "data/split.h"
#include "models/description.h"
#include "tensors/safetensors.h"
#include "tests/data/files.h"

namespace lorae::client {
namespace {

namespace files = data::testing;

/// Twenty pictures of a cat and twenty of a dog, 8 x 8.
class Pictures : public testing::Test {
 protected:
  Pictures() {
    for (const char* half : {"train", "test"}) {
      for (int i = 0; i < 20; ++i) {
        files::write_picture(folder_ / str(half, "/cat/", i, ".png"), 10 * i, 20, 30);
        files::write_picture(folder_ / str(half, "/dog/", i, ".png"), 30, 20, 10 * i);
      }
    }
  }

  training::Plan plan(std::vector<std::string> classes) const {
    return {.model =
                {.classes = std::ssize(classes), .channels = 3, .height = 8, .width = 8, .pool = 1},
            .task = {.classes = std::move(classes)},
            .data = {.path = folder_.path(),
                     .public_images = 10,
                     .private_images = 20,
                     .test_images = 10},
            .training = {},
            .method = {}};
  }

  TemporaryFolder folder_;
};

TEST_F(Pictures, OfOnesOwnAreLabelledAnewForEveryPlan) {
  const ImageSource images = own_images(folder_.path(), "", "");
  using Counts = std::vector<std::int64_t>;

  const auto counts = [](const data::DatasetPtr& set) {
    return data::class_histogram(*set->in_memory());
  };
  EXPECT_EQ(counts(images(plan({"cat", "dog"}), {})), (Counts{20, 20}));
  EXPECT_EQ(counts(images(plan({"bird", "cat", "dog"}), {})), (Counts{0, 20, 20}));
  EXPECT_THROW(images(plan({"bird", "cat"}), {}), Error);
}

TEST_F(Pictures, OfAShareAreSplitAnewForEveryPlan) {
  const ImageSource images = planned_share();
  Work work;
  work.share_count = 2;
  training::Plan first = plan({"cat", "dog"});
  training::Plan second = first;
  second.seed = first.seed + 1;

  const auto before = images(first, work)->in_memory()->images;
  const auto after = images(second, work)->in_memory()->images;

  ASSERT_GT(before.size(0), 0);
  EXPECT_FALSE(before.sizes() == after.sizes() && before.equal(after));
  EXPECT_TRUE(before.equal(images(first, work)->in_memory()->images));
}

TEST_F(Pictures, AreNotNeededForTheLastGlobalStateAsAFileKeepsIt) {
  training::Plan here = plan({"cat", "dog"});
  here.method.downlink = "zstd";
  auto model = models::build(here.model, Seed{1});
  const StateDict backbone = model->backbone().clone();
  const training::Learner learner(here, backbone);
  const Bytes file = safetensors_pack(backbone);
  const auto encoded =
      codec::Chain::parse("zstd").encode_state(adapters::to_blocks(learner.trainable()));
  const Work work{.key = {"run", RoundId{7}, digest_of(encoded.payload)},
                  .client = {"ada"},
                  .plan = training::plan_text(here),
                  .backbone = digest_of(file),
                  .fetched_backbone = std::make_shared<const Bytes>(file),
                  .model = encoded.payload};
  DiskMemory memory(folder_ / "backbones", folder_ / "own");
  LocalRound round([](const training::Plan&, const Work&) -> data::DatasetPtr {
    ADD_FAILURE() << "no images are needed";
    return nullptr;
  });

  const adapters::Adapter adapter = round.adapter_of(work, work.key.round, memory);

  EXPECT_EQ(digest_of(adapter.state), digest_of(learner.trainable()));
  EXPECT_EQ(adapter.info.round, RoundId{7});
  EXPECT_EQ(adapter.info.base_digest, digest_of(backbone).hex());
  const auto about = models::parse_description(adapter.info.about).value();
  EXPECT_EQ(about.class_names, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(about.model.height, 8);
  EXPECT_TRUE(std::filesystem::exists(memory.backbone_path(work.backbone)));

  // Next time it is on the disk, unless that is damaged.
  Work again = work;
  again.fetched_backbone = nullptr;
  LocalRound fresh(planned_share());
  EXPECT_EQ(digest_of(fresh.adapter_of(again, again.key.round, memory).state),
            digest_of(adapter.state));
  std::filesystem::resize_file(memory.backbone_path(work.backbone), 100);
  LocalRound lost(planned_share());
  EXPECT_THROW(lost.adapter_of(again, again.key.round, memory), BackboneLost);
}

/// Training goes on from what the device kept of its own after the round that counted.
TEST_F(Pictures, AreTrainedOnFromWhatTheDeviceKeepsOfItsOwn) {
  training::Plan here = plan({"cat", "dog"});
  here.method.downlink = "zstd";
  here.method.norm = adapters::Norm::kLocal;
  const StateDict backbone = models::build(here.model, Seed{1})->backbone().clone();
  const training::Learner learner(here, backbone);
  const Bytes file = safetensors_pack(backbone);
  const auto encoded =
      codec::Chain::parse("zstd").encode_state(adapters::to_blocks(learner.trainable()));
  const auto work = [&](std::uint64_t round, std::uint64_t counted) {
    return Work{.key = {"run", RoundId{round}, digest_of(encoded.payload)},
                .client = {"ada"},
                .plan = training::plan_text(here),
                .backbone = digest_of(file),
                .fetched_backbone = std::make_shared<const Bytes>(file),
                .model = encoded.payload,
                .share_count = 1,
                .counted = RoundId{counted}};
  };
  DiskMemory memory(folder_ / "backbones", folder_ / "own");
  LocalRound round(planned_share());
  const auto trained = [&](std::uint64_t number, std::uint64_t counted) {
    return round.train(work(number, counted), memory).payload;
  };

  const Bytes first = trained(1, 0);
  const Bytes second = trained(2, 1);
  EXPECT_EQ(trained(2, 1), second) << "again, after a crash";
  const Bytes if_second_counted = trained(3, 2);
  EXPECT_EQ(trained(3, 2), if_second_counted);
  DiskMemory lost(folder_ / "backbones", folder_ / "new");
  EXPECT_NE(round.train(work(3, 2), lost).payload, if_second_counted);
  EXPECT_EQ(round.train(work(1, 0), lost).payload, first);

  // What an update loses goes into the next one: two coarse updates together say more.
  here.method.norm = adapters::Norm::kFrozen;
  here.method.uplink = "delta,rms_step:2,range";
  here.method.feedback = true;
  DiskMemory feedback(folder_ / "backbones", folder_ / "feedback");
  const Bytes coarse = round.train(work(1, 0), feedback).payload;
  const Bytes with_lost = round.train(work(2, 1), feedback).payload;
  here.method.feedback = false;
  EXPECT_EQ(round.train(work(1, 0), feedback).payload, coarse);
  EXPECT_NE(round.train(work(2, 1), feedback).payload, with_lost);
  here.method.max_uplink = {static_cast<std::int64_t>(coarse.size()) / 2};
  EXPECT_LE(round.train(work(1, 0), feedback).payload.size(), coarse.size() / 2);
  here.method.max_uplink = {};
  here.method.norm = adapters::Norm::kLocal;

  const adapters::Adapter own = round.adapter_of(work(4, 3), RoundId{3}, memory);
  EXPECT_EQ(own.info.norm, adapters::Norm::kTrained);
  EXPECT_EQ(own.state.size(), learner.trainable().size() + learner.own().size());
}

/// A part of the images judges each global state as it comes, and is never trained on.
TEST_F(Pictures, OfAHoldoutJudgeWhatComesAndAreNotTrainedOn) {
  training::Plan here = plan({"cat", "dog"});
  here.method.downlink = "zstd";
  const StateDict backbone = models::build(here.model, Seed{1})->backbone().clone();
  training::Learner learner(here, backbone);
  const Bytes file = safetensors_pack(backbone);
  const auto encoded =
      codec::Chain::parse("zstd").encode_state(adapters::to_blocks(learner.trainable()));
  const auto work = [&] {
    return Work{.key = {"run", RoundId{1}, digest_of(encoded.payload)},
                .client = {"ada"},
                .plan = training::plan_text(here),
                .backbone = digest_of(file),
                .fetched_backbone = std::make_shared<const Bytes>(file),
                .model = encoded.payload,
                .share_count = 1};
  };
  DiskMemory memory(folder_ / "backbones", folder_ / "own");
  const TrainedUpdate all = LocalRound(planned_share()).train(work(), memory);
  EXPECT_EQ(all.num_examples, 20);
  EXPECT_FALSE(all.metrics.find("client/top1"));

  here.training.holdout = 0.28;  // of 20: 5
  LocalRound round(planned_share());
  const TrainedUpdate update = round.train(work(), memory);
  EXPECT_EQ(update.num_examples, 15);
  EXPECT_EQ(round.train(work(), memory).payload, update.payload);

  const Seed seed{here.seed};
  const auto split = data::split_domain(20, 5, 15, seed.derive("holdout", "ada"));
  const auto whole = planned_share()(here, work());
  EXPECT_EQ(update.metrics.find("client/top1"),
            learner.evaluate(data::subset(whole, split.public_indices)).find("top1"));
  here.training.holdout = 0;
  LocalRound without([&](const training::Plan&, const Work&) {
    return data::subset(whole, split.private_indices);
  });
  EXPECT_EQ(without.train(work(), memory).payload, update.payload);
}

}  // namespace
}  // namespace lorae::client
