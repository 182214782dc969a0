#pragma once

#include "adapters/adapter_file.h"
#include "adapters/blocks.h"
#include "adapters/conv2d.h"
#include "adapters/starts.h"
#include "coordinator/broadcast.h"
#include "coordinator/coordinator.h"
#include "coordinator/global_state.h"
#include "coordinator/intake.h"
#include "tensors/torch.h"
#include "tests/base/temporary_folder.h"
#include "tests/tensors/helpers.h"

// What comes in, what goes out, and the state between, without rounds.
namespace lorae::coordinator {

/// One adapted layer and a head, as LoRAE sends them.
inline StateDict random_state(std::uint64_t seed, double bound = 1.0) {
  const auto draw = [&](std::vector<std::int64_t> shape, std::uint64_t index) {
    return adapters::uniform_tensor(shape, bound, Seed{seed}.derive("test", {}, index));
  };
  return StateDict({{"conv1.extractor", draw({2, 3, 3, 3}, 0)},
                    {"conv1.mapper", draw({4, 2, 1, 1}, 1)},
                    {"fc.bias", draw({5}, 2)},
                    {"fc.weight", draw({5, 4}, 3)}});
}

inline ExchangeOptions options_of(const std::string& uplink = "delta,zstd",
                                  const std::string& downlink = "zstd") {
  return {
      .uplink = uplink,
      .downlink = downlink,
      .rule = {},
      .server = {.learning_rate = 0.5, .momentum = 0.7},
      .info = {.model = "resnet8",
               .kind = adapters::Kind::kLorae,
               .classes = 5,
               .base_digest = "c0ffee",
               .layers = {{.name = "conv1", .kernel = 3, .rank = 2, .alpha = 4, .scaling = 2}}}};
}

/// The three values of an exchange, moved as a coordinator moves them.
struct Exchange {
  ExchangeOptions options;
  GlobalState state;
  Broadcast broadcast;
  Intake intake;

  explicit Exchange(const StateDict& initial, const ExchangeOptions& given = options_of())
      : options(given),
        state(initial, given),
        broadcast(codec::Chain::parse(given.downlink), initial, given.lattice > 0),
        intake(given, broadcast.layout()) {}

  /// What a client sends that moved the global state by a random delta.
  Bytes update(std::uint64_t seed) const {
    codec::Blocks local = broadcast.held();
    const codec::Blocks delta = adapters::to_blocks(random_state(seed, 0.1));
    for (std::size_t i = 0; i < local.size(); ++i) {
      for (std::size_t j = 0; j < local[i].values.size(); ++j) {
        local[i].values[j] += delta[i].values[j];
      }
    }
    return codec::Chain::parse(options.uplink).encode(local, broadcast.held()).payload;
  }

  void add(std::uint64_t seed, std::int64_t examples) {
    intake.add({"client"}, intake.accept(update(seed), broadcast.held(), RoundId{2}).value(),
               examples);
  }

  void commit() {
    state.commit();
    broadcast.advance(state.tensors(), state.version());
  }

  void run_round(const runs::RunDirectory& directory, std::uint64_t seed) {
    add(seed, 10);
    add(seed + 1, 30);
    state.step(intake.finish());
    state.save(directory);
    commit();
  }
};

class StateFiles : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  runs::RunDirectory directory_ = runs::RunDirectory::create(folder_ / "run", "seed = 1\n");
};

}  // namespace lorae::coordinator
