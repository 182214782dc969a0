// What an update costs the coordinator, and what a round costs it besides: frames go in, as from
// clients; the journal is on a disk. Compiles against earlier trees, too (bench/coordinator.sh),
// so that both are measured in one run.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>
#include <vector>

#include "adapters/blocks.h"
#include "base/seed.h"
#include "coordinator/coordinator.h"
#include "runs/journal.h"
#include "runs/run_directory.h"
#include "tensors/threads.h"
#include "tensors/torch.h"

namespace {

using namespace lorae;
namespace fs = std::filesystem;

constexpr const char* kUplink = "delta,int8:row,zstd";

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Adapters of ten layers, `numbers` in all.
StateDict state_of(std::int64_t numbers) {
  std::vector<StateDict::Entry> entries;
  for (int i = 0; i < 10; ++i) {
    entries.emplace_back(str("layer", i, ".extractor"), torch::zeros({8, numbers / 160, 1, 1}));
    entries.emplace_back(str("layer", i, ".mapper"), torch::zeros({numbers / 160, 8, 1, 1}));
  }
  return StateDict(std::move(entries));
}

Bytes payload_of(const StateDict& state, std::uint64_t seed) {
  codec::Blocks local = adapters::to_blocks(state);
  const codec::Blocks global = local;
  Random random(seed);
  for (codec::Block& block : local) {
    for (float& value : block.values) {
      value = static_cast<float>(0.01 * random.normal());
    }
  }
#if __has_include("codec/chain.h")
  return codec::Chain::parse(kUplink).encode(local, global).payload;
#else
  return codec::Pipeline::parse(kUplink).encode(local, global);
#endif
}

/// The clients' end: remembers sessions and rounds, counts verdicts.
class Clients final : public transport::ServerChannel {
 public:
  void send(transport::ConnectionId to, wire::Frame frame) override {
    const auto message = wire::unpack(std::move(frame));
    if (const auto* welcome = std::get_if<wire::Welcome>(&*message)) {
      sessions_[to] = welcome->session;
    } else if (const auto* verdict = std::get_if<wire::Verdict>(&*message)) {
      accepted += verdict->kind == wire::VerdictKind::kAccepted ? 1 : 0;
    }
  }
  auto session(transport::ConnectionId of) const { return sessions_.at(of); }

  int accepted = 0;

 private:
  std::map<transport::ConnectionId, decltype(wire::Welcome::session)> sessions_;
};

class Rounds {
 public:
  Rounds(const fs::path& folder, std::int64_t numbers, int clients, int rounds)
      : directory_(runs::RunDirectory::create(folder, "# a benchmark\n")),
#if __has_include("codec/chain.h")
        journal_(directory_.journal_path(), runs::Journal::Mode::kContinue),
#else
        journal_(directory_.journal_path()),
#endif
        coordinator_(make(state_of(numbers), clients, rounds)) {
    const StateDict state = state_of(numbers);
    for (int i = 0; i < clients; ++i) {
      payloads_.push_back(payload_of(state, static_cast<std::uint64_t>(i) + 1));
      coordinator_.on_frame(connection(i), name(i), wire::pack(wire::Hello{.nonce = 1}), now_);
    }
    coordinator_.advance(now_);
  }

  struct Cost {
    double updates = 0;  ///< CPU seconds of all updates of the round until they are acknowledged
    double bookkeeping = 0;  ///< CPU seconds of the rest
  };

  Cost run_round(RoundId round) {
    const double start = cpu_seconds();
    const int before = clients_.accepted;
    for (std::size_t i = 0; i < payloads_.size(); ++i) {
      if (i + 1 == payloads_.size()) {
        coordinator_.advance(now_);  // the others are durable
      }
      send_update(static_cast<int>(i), round);
    }
    const double sent = cpu_seconds();
    coordinator_.advance(now_);  // closes it
    coordinator_.advance(now_);  // opens the next one
    const double end = cpu_seconds();
    check(clients_.accepted - before == static_cast<int>(payloads_.size()),
          ErrorCode::kInvalidArgument, "updates were not accepted");
    return {sent - start, end - sent};
  }

 private:
  coordinator::Coordinator make(const StateDict& state, int clients, int rounds) {
    coordinator::FederationOptions federation;
    federation.rounds = rounds;
    federation.clients = clients;
    federation.min_clients = clients;
#if __has_include("codec/chain.h")
    coordinator::ExchangeOptions exchange;
    exchange.uplink = kUplink;
    return {{.federation = federation,
             .seed = {},
             .plan = [](const ClientId&) { return "the plan"; },
             .backbone = Bytes(10),
             .epoch = 1,
             .run = "bench"},
            state,
            exchange,
            directory_,
            journal_,
            clients_,
            {}};
#else
    coordinator::GlobalModelOptions options;
    options.uplink = kUplink;
    return {{.federation = federation,
             .seed = {},
             .plan = "the plan",
             .backbone = Bytes(10),
             .evaluate = {},
             .epoch = 1,
             .run = "bench"},
            coordinator::GlobalModel(state, options),
            directory_,
            journal_,
            clients_,
            {}};
#endif
  }

  static transport::ConnectionId connection(int i) {
    return transport::ConnectionId{static_cast<std::uint64_t>(i) + 1};
  }
  static ClientId name(int i) {
    return {str("client-", 1000 + i)};
  }

  void send_update(int i, RoundId round) {
    const Bytes& payload = payloads_[static_cast<std::size_t>(i)];
    for (std::size_t offset = 0; offset < payload.size(); offset += wire::kDefaultChunk) {
      const std::size_t size = std::min(wire::kDefaultChunk, payload.size() - offset);
      wire::Update update{.session = clients_.session(connection(i)),
                          .round = round,
                          .object = digest_of(payload),
                          .offset = offset,
                          .total = payload.size(),
                          .num_examples = 100};
      update.body = copy_of(ByteView(payload).subspan(offset, size));
      coordinator_.on_frame(connection(i), name(i), wire::pack(std::move(update)), now_);
    }
  }

  runs::RunDirectory directory_;
  runs::Journal journal_;
  Clients clients_;
  coordinator::Coordinator coordinator_;
  std::vector<Bytes> payloads_;
  TimePoint now_{std::chrono::hours(1)};
};

double mean(const std::vector<double>& values, std::size_t first, std::size_t count) {
  double sum = 0;
  for (std::size_t i = first; i < first + count; ++i) {
    sum += values[i];
  }
  return sum / static_cast<double>(count);
}

}  // namespace

/// Prints "update_us U" and "bookkeeping_early_us E", "bookkeeping_late_us L".
int main(int argc, char** argv) {
  const fs::path folder = argc > 1 ? argv[1] : fs::temp_directory_path();
  use_one_thread();
  std::string pattern = (folder / "bench-coordinator-XXXXXX").string();
  const fs::path scratch = ::mkdtemp(pattern.data());
  {
    constexpr int kClients = 40;
    constexpr int kRounds = 6;
    Rounds rounds(scratch / "updates", 300000, kClients, kRounds + 1);
    double cpu = 0;
    for (int round = 1; round <= kRounds; ++round) {
      const auto cost = rounds.run_round(RoundId{static_cast<std::uint64_t>(round)});
      cpu += cost.updates + cost.bookkeeping;  // the old tree decodes a second time at the end
    }
    std::printf("update_us %.1f\n", 1e6 * cpu / (kClients * kRounds));
  }
  {
    constexpr int kRounds = 200;
    Rounds rounds(scratch / "rounds", 3200, 10, kRounds + 1);
    std::vector<double> costs;
    for (int round = 1; round <= kRounds; ++round) {
      costs.push_back(rounds.run_round(RoundId{static_cast<std::uint64_t>(round)}).bookkeeping);
    }
    std::printf("bookkeeping_early_us %.1f\nbookkeeping_late_us %.1f\n", 1e6 * mean(costs, 1, 10),
                1e6 * mean(costs, kRounds - 10, 10));
  }
  fs::remove_all(scratch);
  return 0;
}
