#include "coordinator/global_model.h"

#include "adapters/blocks.h"
#include "adapters/conv2d.h"
#include "tensors/safetensors.h"
#include "tensors/torch.h"
#include "tests/base/temporary_folder.h"
#include "tests/tensors/helpers.h"

namespace lorae::coordinator {
namespace {

using testing::expect_error;
using testing::same_bits;

/// One adapted layer and a head, as LoRAE sends them.
StateDict random_state(std::uint64_t seed, double bound = 1.0) {
  const auto draw = [&](std::vector<std::int64_t> shape, std::uint64_t index) {
    return adapters::uniform_tensor(shape, bound, Seed{seed}.derive("test", {}, index));
  };
  return StateDict({{"conv1.extractor", draw({2, 3, 3, 3}, 0)},
                    {"conv1.mapper", draw({4, 2, 1, 1}, 1)},
                    {"fc.bias", draw({5}, 2)},
                    {"fc.weight", draw({5, 4}, 3)}});
}

GlobalModelOptions options_of(const std::string& uplink = "delta,zstd",
                              const std::string& downlink = "zstd") {
  return {
      .server = {.learning_rate = 0.5, .momentum = 0.7},
      .uplink = uplink,
      .downlink = downlink,
      .info = {.model = "resnet8",
               .kind = "lorae",
               .classes = 5,
               .base_digest = "c0ffee",
               .layers = {{.name = "conv1", .kernel = 3, .rank = 2, .alpha = 4, .scaling = 2}}}};
}

/// What a client sends that moved the global state by `delta`.
Bytes update_of(const GlobalModel& model, const GlobalModelOptions& options, std::uint64_t seed) {
  const auto uplink = codec::Pipeline::parse(options.uplink);
  const auto downlink = codec::Pipeline::parse(options.downlink);
  const codec::Blocks like = adapters::to_blocks(model.state());
  const codec::Blocks global = downlink.decode_state(model.encoded(), like).value();
  codec::Blocks local = global;
  const codec::Blocks delta = adapters::to_blocks(random_state(seed, 0.1));
  for (std::size_t i = 0; i < local.size(); ++i) {
    for (std::size_t j = 0; j < local[i].values.size(); ++j) {
      local[i].values[j] += delta[i].values[j];
    }
  }
  return uplink.encode(local, global);
}

void run_round(GlobalModel& model,
               const GlobalModelOptions& options,
               const runs::RunDirectory& directory,
               std::uint64_t seed) {
  model.add(update_of(model, options, seed), 10);
  model.add(update_of(model, options, seed + 1), 30);
  model.step();
  model.save(directory);
  model.commit();
}

class GlobalModelFiles : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  runs::RunDirectory directory_ = runs::RunDirectory::create(folder_ / "run", "seed = 1\n");
};

TEST(GlobalModel, StartsAtVersionZeroWithACopyOfTheInitialState) {
  const StateDict initial = random_state(1);
  const GlobalModel model(initial, options_of());
  EXPECT_EQ(model.version(), 0U);
  EXPECT_TRUE(same_bits(model.state(), initial));
  initial.at("fc.bias").zero_();
  EXPECT_FALSE(same_bits(model.state(), initial));
}

TEST(GlobalModel, StepsByTheWeightedMeanOfTheUpdates) {
  const GlobalModelOptions options = options_of();
  GlobalModel model(random_state(1), options);
  model.add(update_of(model, options, 2), 10);
  model.add(update_of(model, options, 3), 30);
  model.step();
  const StateDict before = model.state().clone();
  model.commit();

  EXPECT_EQ(model.version(), 1U);
  for (const auto& [name, tensor] : model.state()) {
    const at::Tensor mean =
        (10 * random_state(2, 0.1).at(name) + 30 * random_state(3, 0.1).at(name)) / 40;
    EXPECT_LT(testing::relative_error(tensor - before.at(name), 0.5 * mean), 1e-5) << name;
  }
}

TEST(GlobalModel, ANewStateIsInForceOnlyAfterCommit) {
  const GlobalModelOptions options = options_of();
  GlobalModel model(random_state(1), options);
  const Digest before = model.digest();
  const Digest encoded_before = model.encoded_digest();
  model.add(update_of(model, options, 2), 10);
  model.step();
  EXPECT_EQ(model.digest(), before);
  EXPECT_EQ(model.encoded_digest(), encoded_before);
  EXPECT_NE(model.next_digest(), before);

  const Digest next = model.next_digest();
  model.commit();
  EXPECT_EQ(model.digest(), next);
  EXPECT_NE(model.encoded_digest(), encoded_before);
  EXPECT_EQ(model.encoded_digest(), digest_of(model.encoded()));
}

TEST(GlobalModel, EncodesWhatClientsDecode) {
  const GlobalModel model(random_state(1), options_of());
  const auto state = codec::Pipeline::parse("zstd").decode_state(
      model.encoded(), adapters::to_blocks(model.state()));
  EXPECT_TRUE(same_bits(adapters::to_state(state.value()), model.state()));
}

TEST(GlobalModel, MeasuresDeltasFromWhatALossyDownlinkDelivers) {
  const GlobalModelOptions options = options_of("delta,zstd", "int8,zstd");
  GlobalModel model(random_state(1), options);
  const StateDict before = model.state().clone();
  model.add(update_of(model, options, 2), 10);
  model.step();
  model.commit();
  // The quantisation error of the broadcast is no part of the client's change.
  const at::Tensor moved = model.state().at("fc.weight") - before.at("fc.weight");
  EXPECT_LT(testing::relative_error(moved, 0.5 * random_state(2, 0.1).at("fc.weight")), 1e-5);
}

TEST(GlobalModel, ChecksUpdatesWithoutKeepingThem) {
  const GlobalModelOptions options = options_of();
  GlobalModel model(random_state(1), options);
  const Bytes good = update_of(model, options, 2);
  EXPECT_TRUE(model.check_update(good).ok());
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto verdict = model.check_update(ByteView(good).first(size));
    ASSERT_FALSE(verdict.ok()) << "at " << size;
    EXPECT_EQ(verdict.error().code(), ErrorCode::kCorruptData);
  }
  expect_error(
      ErrorCode::kInvalidArgument, [&] { model.step(); }, "nothing was added");
}

TEST(GlobalModel, CountsTheBytesOfEachLayer) {
  const GlobalModelOptions options = options_of();
  GlobalModel model(random_state(1), options);
  const Bytes update = update_of(model, options, 2);
  const auto up = model.uplink_bytes(update);
  const auto down = model.downlink_bytes();
  ASSERT_EQ(up.size(), 2U);
  ASSERT_EQ(down.size(), 2U);
  EXPECT_EQ(up[0].layer, "conv1");
  EXPECT_EQ(up[0].raw, (2 * 3 * 9 + 4 * 2) * 4);
  EXPECT_EQ(up[1].layer, "fc");
  EXPECT_EQ(up[1].raw, (5 + 5 * 4) * 4);
  EXPECT_EQ(up[0].encoded + up[1].encoded, std::ssize(update));
  EXPECT_EQ(down[0].encoded + down[1].encoded, std::ssize(model.encoded()));
}

TEST(GlobalModel, BoundsTheSizeOfAnUpdate) {
  for (const char* uplink : {"float32", "zstd:1", "delta,zstd:9", "delta,int8:row,zstd"}) {
    const GlobalModelOptions options = options_of(uplink);
    const GlobalModel model(random_state(1), options);
    EXPECT_LE(update_of(model, options, 2).size(), model.max_update_bytes()) << uplink;
  }
}

TEST(GlobalModel, RefusesABadCodecChain) {
  expect_error(
      ErrorCode::kInvalidConfig, [] { GlobalModel(random_state(1), options_of("gzip")); },
      "'gzip' is unknown");
  expect_error(
      ErrorCode::kInvalidConfig,
      [] { GlobalModel(random_state(1), options_of("zstd", "delta,zstd")); },
      "take 'delta' out of the downlink chain");
}

TEST_F(GlobalModelFiles, GoesOnBitForBitAfterARestore) {
  const GlobalModelOptions options = options_of("delta,int8,zstd");
  GlobalModel whole(random_state(1), options);
  run_round(whole, options, directory_, 10);
  run_round(whole, options, directory_, 20);

  GlobalModel resumed(random_state(1), options);
  resumed.restore(directory_, 2, whole.digest().hex());
  EXPECT_EQ(resumed.version(), 2U);
  EXPECT_TRUE(same_bits(resumed.state(), whole.state()));
  EXPECT_EQ(resumed.encoded(), whole.encoded());

  run_round(whole, options, directory_, 30);
  run_round(resumed, options, directory_, 30);
  EXPECT_TRUE(same_bits(resumed.state(), whole.state()));
  EXPECT_EQ(resumed.encoded_digest(), whole.encoded_digest());
}

TEST_F(GlobalModelFiles, SaveAnAdapterThatSaysWhatItIs) {
  const GlobalModelOptions options = options_of();
  GlobalModel model(random_state(1), options);
  run_round(model, options, directory_, 10);
  run_round(model, options, directory_, 20);
  const adapters::Adapter adapter = adapters::load_adapter(directory_.adapter_path(2));
  EXPECT_TRUE(same_bits(adapter.state, model.state()));
  EXPECT_EQ(adapter.info.round, 2U);
  EXPECT_EQ(adapter.info.model, "resnet8");
  EXPECT_EQ(adapter.info.layers, options.info.layers);
}

TEST_F(GlobalModelFiles, ASavedRoundThatWasNotCommittedIsDoneAgain) {
  const GlobalModelOptions options = options_of();
  GlobalModel whole(random_state(1), options);
  run_round(whole, options, directory_, 10);
  const Digest committed = whole.digest();
  run_round(whole, options, directory_, 20);  // its files are there, its journal entry is not

  GlobalModel resumed(random_state(1), options);
  resumed.restore(directory_, 1, committed.hex());
  run_round(resumed, options, directory_, 20);
  EXPECT_TRUE(same_bits(resumed.state(), whole.state()));
}

TEST_F(GlobalModelFiles, RefuseAStateThatTheJournalDidNotCommit) {
  const GlobalModelOptions options = options_of();
  GlobalModel model(random_state(1), options);
  run_round(model, options, directory_, 10);
  GlobalModel resumed(random_state(1), options);
  const Digest before = resumed.digest();
  expect_error(
      ErrorCode::kCorruptData, [&] { resumed.restore(directory_, 1, before.hex()); },
      "is not the model that the journal committed; restore it from a backup");
  EXPECT_EQ(resumed.digest(), before);
  EXPECT_EQ(resumed.version(), 0U);
}

TEST_F(GlobalModelFiles, RefuseAnAdapterOfAnotherModelOrRank) {
  const GlobalModelOptions options = options_of();
  GlobalModel model(random_state(1), options);
  run_round(model, options, directory_, 10);
  const auto refuses = [&](auto change, std::string_view message) {
    GlobalModelOptions other = options_of();
    change(other.info);
    GlobalModel resumed(random_state(1), other);
    expect_error(
        ErrorCode::kIncompatible, [&] { resumed.restore(directory_, 1, model.digest().hex()); },
        message);
  };
  refuses([](adapters::AdapterInfo& info) { info.model = "resnet18"; },
          "[adapter] made for another model: expected resnet18, got resnet8");
  refuses([](adapters::AdapterInfo& info) { info.layers[0].rank = 4; },
          "[adapter] made for another rank of conv1: expected 4, got 2");
  refuses([](adapters::AdapterInfo& info) { info.base_digest = "decaf"; },
          "[adapter] made for another backbone (digest)");
}

TEST_F(GlobalModelFiles, RefuseAStateOfOtherShapes) {
  const GlobalModelOptions options = options_of();
  GlobalModel model(random_state(1), options);
  run_round(model, options, directory_, 10);
  GlobalModel other(StateDict({{"fc.bias", torch::zeros({5})}}), options);
  expect_error(
      ErrorCode::kIncompatible, [&] { other.restore(directory_, 1, model.digest().hex()); },
      "was it made for another model?");
}

}  // namespace
}  // namespace lorae::coordinator
