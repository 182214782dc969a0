// What comes in, what goes out, and the state between: tensors, without rounds.
#include "tests/coordinator/exchange.h"
#include "base/atomic_file.h"

namespace lorae::coordinator {
namespace {

using testing::expect_error;
using testing::same_bits;

TEST(GlobalState, StartsAtVersionZeroWithACopyOfTheInitialState) {
  const StateDict initial = random_state(1);
  const Exchange exchange(initial);
  EXPECT_EQ(exchange.state.version(), RoundId{0});
  EXPECT_TRUE(same_bits(exchange.state.tensors(), initial));
  initial.at("fc.bias").zero_();
  EXPECT_FALSE(same_bits(exchange.state.tensors(), initial));
}

TEST(GlobalState, StepsByTheWeightedMeanOfTheUpdates) {
  Exchange exchange(random_state(1));
  const StateDict before = exchange.state.tensors().clone();
  exchange.add(2, 10);
  exchange.add(3, 30);
  exchange.state.step(exchange.intake.finish());
  exchange.commit();

  EXPECT_EQ(exchange.state.version(), RoundId{1});
  for (const auto& [name, tensor] : exchange.state.tensors()) {
    const at::Tensor mean =
        (10 * random_state(2, 0.1).at(name) + 30 * random_state(3, 0.1).at(name)) / 40;
    EXPECT_LT(testing::relative_error(tensor - before.at(name), 0.5 * mean), 1e-5) << name;
  }
}

/// Factors that nobody sends: files hold them, digests and states do not.
TEST(GlobalState, SavesWhatNeverChangesBesideTheStateAndReadsPastIt) {
  const TemporaryFolder folder;
  const auto directory = runs::RunDirectory::create(folder / "run", "# a test\n");
  const StateDict initial({{"a.mapper", torch::zeros({2})}});
  const StateDict constant({{"a.extractor", torch::ones({3})}});
  adapters::AdapterInfo info;
  info.model = "none";
  info.kind = adapters::Kind::kFull;
  ExchangeOptions options;
  options.server = {.learning_rate = 1, .momentum = 0};
  options.info = info;
  options.constant = constant;
  GlobalState state(initial, options);
  state.step({StateDict({{"a.mapper", torch::ones({2}, torch::kFloat64)}}), {}});
  state.save(directory);
  const std::string digest = state.next_digest().hex();
  state.commit();

  const StateDict saved = adapters::load_adapter(directory.adapter_path(RoundId{1})).state;
  EXPECT_TRUE(saved.at("a.extractor").equal(constant.at("a.extractor")));
  GlobalState again(initial, options);
  again.restore(directory, RoundId{1}, digest);
  EXPECT_EQ(again.digest().hex(), digest);
  EXPECT_EQ(again.tensors().size(), 1U);
}

/// The server's step is for what is learned: with its momentum a variance would end below zero.
TEST(GlobalState, TakesStatisticsAsTheirMeanAndNeverBelowZero) {
  for (const double lattice : {0.0, 1.0}) {
    const StateDict initial({{"bn.running_mean", torch::zeros({2})},
                             {"bn.running_var", torch::ones({2})},
                             {"conv.mapper", torch::zeros({4, 1, 1, 1})}});
    ExchangeOptions options = options_of();
    options.lattice = lattice;
    Exchange exchange(initial, options);
    for (int round = 0; round < 8; ++round) {
      const StateDict now = exchange.state.tensors();
      const auto toward = [&](const char* name, double value) {
        return (torch::full_like(now.at(name), value) - now.at(name)).to(torch::kFloat64);
      };
      exchange.state.step({StateDict({{"bn.running_mean", toward("bn.running_mean", 3)},
                                      {"bn.running_var", toward("bn.running_var", -0.1)},
                                      {"conv.mapper", toward("conv.mapper", 1)}}),
                           {}});
      exchange.state.commit();
      EXPECT_TRUE(exchange.state.tensors().at("bn.running_var").ge(0).all().item<bool>());
    }
    const StateDict& end = exchange.state.tensors();
    EXPECT_LT((end.at("bn.running_mean") - 3).abs().max().item<double>(), 0.01) << lattice;
    EXPECT_LT(end.at("bn.running_var").max().item<double>(), 0.01) << lattice;
  }
}

TEST(GlobalState, ANewStateIsInForceOnlyAfterCommit) {
  Exchange exchange(random_state(1));
  const Digest before = exchange.state.digest();
  const Digest offered = exchange.broadcast.offer(RoundId{0}).object;
  exchange.add(2, 10);
  exchange.state.step(exchange.intake.finish());
  EXPECT_EQ(exchange.state.digest(), before);
  EXPECT_NE(exchange.state.next_digest(), before);

  const Digest next = exchange.state.next_digest();
  exchange.commit();
  EXPECT_EQ(exchange.state.digest(), next);
  EXPECT_NE(exchange.broadcast.offer(RoundId{0}).object, offered);
}

TEST(Broadcast, OffersWhatClientsDecode) {
  Exchange exchange(random_state(1));
  const Broadcast::Offer offer = exchange.broadcast.offer(RoundId{0});
  const Bytes* bytes = exchange.broadcast.find(offer.object);
  ASSERT_NE(bytes, nullptr);
  EXPECT_EQ(bytes->size(), offer.bytes);
  EXPECT_EQ(digest_of(*bytes), offer.object);
  EXPECT_EQ(offer.base, RoundId{0});
  const auto state = codec::Chain::parse("zstd").decode_state(
      *bytes, adapters::layout_of(exchange.state.tensors()));
  EXPECT_TRUE(same_bits(adapters::to_state(state.value().blocks), exchange.state.tensors()));
  EXPECT_EQ(exchange.broadcast.find(Digest{}), nullptr);
}

TEST(Intake, MeasuresDeltasFromWhatALossyDownlinkDelivers) {
  Exchange exchange(random_state(1), options_of("delta,zstd", "int8,zstd"));
  const StateDict before = exchange.state.tensors().clone();
  exchange.add(2, 10);
  exchange.state.step(exchange.intake.finish());
  exchange.commit();
  // The quantisation error of the broadcast is no part of the client's change.
  const at::Tensor moved = exchange.state.tensors().at("fc.weight") - before.at("fc.weight");
  EXPECT_LT(testing::relative_error(moved, 0.5 * random_state(2, 0.1).at("fc.weight")), 1e-5);
}

TEST(Intake, ChecksUpdatesWithoutAddingThem) {
  Exchange exchange(random_state(1));
  const Bytes good = exchange.update(2);
  EXPECT_TRUE(exchange.intake.accept(good, exchange.broadcast.held(), RoundId{2}).ok());
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto receipt =
        exchange.intake.accept(ByteView(good).first(size), exchange.broadcast.held(), RoundId{2});
    ASSERT_FALSE(receipt.ok()) << "at " << size;
    EXPECT_EQ(receipt.error().code(), ErrorCode::kCorruptData);
  }
  expect_error(
      ErrorCode::kInvalidArgument, [&] { exchange.intake.finish(); }, "nothing was added");
}

TEST(Intake, GivesTheSameInEveryOrder) {
  const auto digest_in_order = [](std::vector<std::uint64_t> seeds) {
    Exchange exchange(random_state(1));
    for (const std::uint64_t seed : seeds) {
      exchange.add(seed, static_cast<std::int64_t>(10 * seed));
    }
    exchange.state.step(exchange.intake.finish());
    return exchange.state.next_digest();
  };
  const Digest expected = digest_in_order({2, 3, 4, 5});
  EXPECT_EQ(digest_in_order({5, 4, 3, 2}), expected);
  EXPECT_EQ(digest_in_order({3, 5, 2, 4}), expected);
}

TEST(Intake, CountsTheBytesOfEachLayerAfterEachStage) {
  Exchange exchange(random_state(1));
  const Bytes update = exchange.update(2);
  const auto receipt =
      exchange.intake.accept(update, exchange.broadcast.held(), RoundId{2}).value();
  ASSERT_EQ(receipt.stages.size(), 2U);
  EXPECT_EQ(receipt.stages[0].layer, "conv1");
  EXPECT_EQ(receipt.stages[0].after(codec::kStageRaw), (2 * 3 * 9 + 4 * 2) * 4);
  EXPECT_EQ(receipt.stages[1].layer, "fc");
  EXPECT_EQ(receipt.stages[1].after(codec::kStageRaw), (5 + 5 * 4) * 4);
  const auto sent = [](const std::vector<codec::StageBytes>& layers) {
    return layers[0].after(codec::kStageCoded) + layers[1].after(codec::kStageCoded);
  };
  EXPECT_EQ(sent(receipt.stages), std::ssize(update));
  const Broadcast::Offer offer = exchange.broadcast.offer(RoundId{0});
  EXPECT_EQ(sent(exchange.broadcast.stages(offer.object)), static_cast<std::int64_t>(offer.bytes));
}

TEST(Intake, BoundsTheSizeOfAnUpdate) {
  for (const char* uplink : {"float32", "zstd:1", "delta,zstd:9", "delta,int8:row,zstd"}) {
    const Exchange exchange(random_state(1), options_of(uplink));
    EXPECT_LE(exchange.update(2).size(), exchange.intake.max_update_bytes()) << uplink;
  }
  ExchangeOptions asked = options_of("delta,rms_step:1.0,range");
  asked.max_uplink = {2000};
  EXPECT_EQ(Exchange(random_state(1), asked).intake.max_update_bytes(), 2000U);
}

TEST(Broadcast, RefusesAChainOfChanges) {
  expect_error(
      ErrorCode::kInvalidConfig,
      [] { Exchange(random_state(1), options_of("zstd", "delta,zstd")); },
      "take 'delta' out of the downlink chain");
}

TEST_F(StateFiles, LetARunGoOnBitForBit) {
  for (const char* server : {"sgd", "adam", "yogi", "adagrad"}) {
    ExchangeOptions options = options_of("delta,int8,zstd");
    options.server.name = server;
    Exchange whole(random_state(1), options);
    whole.run_round(directory_, 10);
    whole.run_round(directory_, 20);

    Exchange resumed(random_state(1), options);
    resumed.state.restore(directory_, RoundId{2}, whole.state.digest().hex());
    resumed.broadcast.advance(resumed.state.tensors(), resumed.state.version());
    EXPECT_EQ(resumed.state.version(), RoundId{2});
    EXPECT_TRUE(same_bits(resumed.state.tensors(), whole.state.tensors())) << server;

    whole.run_round(directory_, 30);
    resumed.run_round(directory_, 30);
    EXPECT_TRUE(same_bits(resumed.state.tensors(), whole.state.tensors())) << server;
    EXPECT_EQ(resumed.broadcast.offer(RoundId{0}).object, whole.broadcast.offer(RoundId{0}).object)
        << server;
  }
}

TEST_F(StateFiles, SayWhatTheyAre) {
  Exchange exchange(random_state(1));
  exchange.run_round(directory_, 10);
  exchange.run_round(directory_, 20);
  const adapters::Adapter adapter = adapters::load_adapter(directory_.adapter_path(RoundId{2}));
  EXPECT_TRUE(same_bits(adapter.state, exchange.state.tensors()));
  EXPECT_EQ(adapter.info.round, RoundId{2});
  EXPECT_EQ(adapter.info.model, "resnet8");
  EXPECT_EQ(adapter.info.layers, exchange.options.info.layers);
}

TEST_F(StateFiles, OfARoundThatWasNotCommittedAreMadeAgain) {
  Exchange whole(random_state(1));
  whole.run_round(directory_, 10);
  const Digest committed = whole.state.digest();
  whole.run_round(directory_, 20);  // its files are there, its journal entry is not

  Exchange resumed(random_state(1));
  resumed.state.restore(directory_, RoundId{1}, committed.hex());
  resumed.broadcast.advance(resumed.state.tensors(), resumed.state.version());
  resumed.run_round(directory_, 20);
  EXPECT_TRUE(same_bits(resumed.state.tensors(), whole.state.tensors()));
}

TEST_F(StateFiles, AreRefusedIfTheJournalDidNotCommitThem) {
  Exchange exchange(random_state(1));
  exchange.run_round(directory_, 10);
  Exchange resumed(random_state(1));
  const Digest before = resumed.state.digest();
  expect_error(
      ErrorCode::kCorruptData, [&] { resumed.state.restore(directory_, RoundId{1}, before.hex()); },
      "is not the model that the journal committed; restore it from a backup");
  EXPECT_EQ(resumed.state.digest(), before);
  EXPECT_EQ(resumed.state.version(), RoundId{0});
}

TEST_F(StateFiles, OfTheServersOptimiserAreRefusedIfTheyAreNotItsOwn) {
  Exchange first(random_state(1));
  first.run_round(directory_, 2);
  const std::string one = first.state.digest().hex();
  const Bytes after_one = read_file(directory_.server_state_path(RoundId{1}));
  first.run_round(directory_, 3);
  const std::string two = first.state.digest().hex();
  const auto refused = [&](const Bytes& file) {
    write_file_atomic(directory_.server_state_path(RoundId{2}), file);
    Exchange again(random_state(1));
    expect_error(
        ErrorCode::kCorruptData, [&] { again.state.restore(directory_, RoundId{2}, two); },
        "is not what round 2 left of the server's optimiser");
  };
  Bytes flipped = read_file(directory_.server_state_path(RoundId{2}));
  flipped.back() ^= std::byte{1};
  refused(flipped);
  refused(after_one);
  Exchange again(random_state(1));
  again.state.restore(directory_, RoundId{1}, one);
  EXPECT_EQ(again.state.digest().hex(), one);
}

TEST_F(StateFiles, OfAnotherModelOrRankAreRefused) {
  Exchange exchange(random_state(1));
  exchange.run_round(directory_, 10);
  const auto refuses = [&](auto change, std::string_view message) {
    ExchangeOptions other = options_of();
    change(other.info);
    Exchange resumed(random_state(1), other);
    expect_error(
        ErrorCode::kIncompatible,
        [&] { resumed.state.restore(directory_, RoundId{1}, exchange.state.digest().hex()); },
        message);
  };
  refuses([](adapters::AdapterInfo& info) { info.model = "resnet18"; },
          "[adapter] made for another model: expected resnet18, got resnet8");
  refuses([](adapters::AdapterInfo& info) { info.layers[0].rank = 4; },
          "[adapter] made for another rank of conv1: expected 4, got 2");
  refuses([](adapters::AdapterInfo& info) { info.base_digest = "decaf"; },
          "[adapter] made for another backbone (digest)");
}

TEST_F(StateFiles, OfOtherShapesAreRefused) {
  Exchange exchange(random_state(1));
  exchange.run_round(directory_, 10);
  Exchange other(StateDict({{"fc.bias", torch::zeros({5})}}));
  expect_error(
      ErrorCode::kIncompatible,
      [&] { other.state.restore(directory_, RoundId{1}, exchange.state.digest().hex()); },
      "was it made for another model?");
}

}  // namespace
}  // namespace lorae::coordinator
