// A global state on a lattice, whose clients get differences.
#include "codec/lattice.h"

#include "tests/coordinator/exchange.h"

namespace lorae::coordinator {
namespace {

using testing::same_bits;

/// A state on a lattice, whose clients get differences.
class OnLattice : public StateFiles {
 protected:
  static ExchangeOptions lattice() {
    ExchangeOptions options = options_of();
    options.lattice = 1;
    return options;
  }
  static StateDict start() {
    return adapters::to_state(codec::on_grid(adapters::to_blocks(random_state(1))));
  }
  /// What a client makes of an offer.
  static codec::Blocks taken(Exchange& exchange, const codec::Blocks& held, RoundId version) {
    const Broadcast::Offer offer = exchange.broadcast.offer(version);
    EXPECT_EQ(offer.base, version);
    const codec::Blocks state =
        codec::sum(held, codec::decode_difference(*exchange.broadcast.find(offer.object),
                                                  exchange.broadcast.layout())
                             .value());
    EXPECT_EQ(codec::digest_of(state), offer.state);
    return state;
  }
};

TEST_F(OnLattice, EveryHistoryOfMissedVersionsEndsWithTheServersBits) {
  Exchange exchange(start(), lattice());
  std::vector<codec::Blocks> clients(6, adapters::to_blocks(start()));
  std::vector<RoundId> versions(clients.size());
  Random random = Seed{4}.random();
  for (std::uint64_t round = 1; round <= 12; ++round) {
    exchange.run_round(directory_, 100 * round);
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (i == 0 || random.below(3) == 0) {  // the others miss it
        clients[i] = taken(exchange, clients[i], versions[i]);
        versions[i] = RoundId{round};
        EXPECT_TRUE(same_bits(adapters::to_state(clients[i]), exchange.state.tensors()));
      }
    }
  }
  // Who holds what nobody remembers, or nothing, gets the difference to the start.
  EXPECT_EQ(exchange.broadcast.offer(RoundId{99}).base, RoundId{0});
  EXPECT_TRUE(
      same_bits(adapters::to_state(taken(exchange, adapters::to_blocks(start()), RoundId{0})),
                exchange.state.tensors()));
}

TEST_F(OnLattice, WhatAStepLeavesIsTakenAlongLater) {
  Exchange exchange(start(), lattice()), exact(start(), options_of());
  for (std::uint64_t round = 1; round <= 12; ++round) {
    exchange.run_round(directory_, 100 * round);
    exact.run_round(directory_, 100 * round);
  }
  // Each round's rounding is half a step at most, and is not lost: 12 of them do not add up.
  for (const auto& [name, tensor] : exact.state.tensors()) {
    const double moved = (tensor - start().at(name)).norm().item<double>();
    const double apart = (exchange.state.tensors().at(name) - tensor).norm().item<double>();
    EXPECT_LT(apart, 0.35 * moved) << name;
    EXPECT_GT(apart, 0) << name;
  }
}

TEST_F(OnLattice, ARunGoesOnBitForBit) {
  Exchange whole(start(), lattice());
  whole.run_round(directory_, 10);
  whole.run_round(directory_, 20);
  Exchange resumed(start(), lattice());
  resumed.state.restore(directory_, RoundId{2}, whole.state.digest().hex());
  resumed.broadcast.advance(resumed.state.tensors(), resumed.state.version());
  whole.run_round(directory_, 30);
  resumed.run_round(directory_, 30);
  EXPECT_TRUE(same_bits(resumed.state.tensors(), whole.state.tensors()));
}

}  // namespace
}  // namespace lorae::coordinator
