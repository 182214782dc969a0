#include "simulation/forecast.h"

#include <algorithm>
#include <cstdlib>

#include "base/atomic_file.h"
#include "base/error.h"
#include "coordinator/traffic.h"
#include "report/folders.h"
#include "runs/journal.h"
#include "runs/run_directory.h"
#include "simulation/compare.h"

namespace lorae::simulation {
namespace {

namespace fs = std::filesystem;
using runs::Direction;

/// A folder that goes with what it holds.
class Scratch {
 public:
  explicit Scratch(const fs::path& home) {
    ensure_directory(home);
    std::string pattern = (home / "forecast-XXXXXX").string();
    check(::mkdtemp(pattern.data()) != nullptr, ErrorCode::kUnavailable,
          "[forecast] cannot make a folder in '", home.string(), "'");
    path_ = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// What the rounds of one direction took.
class Ledger {
 public:
  Ledger(const runs::Journal& journal, Direction direction) {
    for (runs::LedgerRow& row : journal.bytes_by(runs::GroupBy::kRound)) {
      if (row.direction == direction && row.stage == coordinator::kStageFramed) {
        rows_.push_back(std::move(row));
      }
    }
  }

  /// Of all clients together.
  double total(RoundId round, std::string_view layer) const {
    const runs::LedgerRow* row = find(round, layer);
    return row == nullptr ? 0 : static_cast<double>(row->bytes);
  }
  double least_of_a_client(RoundId round, std::string_view layer) const {
    const runs::LedgerRow* row = find(round, layer);
    return row == nullptr ? 0 : static_cast<double>(row->least);
  }

 private:
  const runs::LedgerRow* find(RoundId round, std::string_view layer) const {
    const auto found = std::ranges::find_if(
        rows_, [&](const auto& row) { return row.round == round && row.layer == layer; });
    return found == rows_.end() ? nullptr : &*found;
  }

  std::vector<runs::LedgerRow> rows_;
};

/// The first round's updates are of another kind, and so is what becomes of them.
bool sums_classes(const experiment::MethodConfig& method) {
  return method.head_start == training::HeadStart::kClassMeans;
}

struct Mean {
  double bytes = 0, spread = 0;
};

/// Bytes per client and round of `rounds` rounds, from the first `run` of them, of which the first
/// `unlike` tell nothing of later ones.
Mean mean_of(const Ledger& ledger,
             std::string_view payload,
             std::int64_t cohort,
             std::int64_t rounds,
             std::int64_t run,
             std::int64_t unlike) {
  const bool few = run <= 3;
  const std::int64_t first = few ? std::min(run, unlike + 1) : run / 2 + 1;
  double bytes = 0, later = 0, least = 0, most = 0;
  for (std::int64_t round = 1; round <= run; ++round) {
    const auto id = RoundId{static_cast<std::uint64_t>(round)};
    const double control = ledger.total(id, coordinator::kLayerControl);
    const double own = ledger.total(id, payload) + (few ? 0 : control);
    bytes += own + (few ? control : 0);
    if (round >= first) {
      least = round == first ? own : std::min(least, own);
      most = std::max(most, own);
      later += own / static_cast<double>(run - first + 1);
    }
  }
  const auto all = static_cast<double>(rounds * cohort), left = static_cast<double>(rounds - run);
  if (few) {  // of a client that is in already
    later += static_cast<double>(cohort) *
             ledger.least_of_a_client(RoundId{2}, coordinator::kLayerControl);
  }
  return {(bytes + left * later) / all, left * (most - least) / 2 / all};
}

}  // namespace

std::vector<BytesForecast> forecast_bytes(experiment::RunConfig config,
                                          const fs::path& home,
                                          std::int64_t measured) {
  const std::int64_t rounds = config.federation.rounds;
  const std::int64_t cohort =
      config.federation.cohort == 0 ? config.federation.clients : config.federation.cohort;
  const bool sums = std::ranges::any_of(config.methods, sums_classes);
  config.federation.rounds = std::min(rounds, std::max<std::int64_t>(measured, sums ? 3 : 2));
  config.federation.stop = 0;  // the rounds that are run tell of those that are not
  config.simulation.seeds.resize(1);
  const Scratch scratch(home);
  simulate({config, home, scratch.path() / "out", /*resume=*/false});
  std::vector<BytesForecast> forecasts;
  for (const experiment::MethodConfig& method : config.methods) {
    const fs::path run =
        report::run_path(scratch.path() / "out", method.name, config.simulation.seeds.front());
    const runs::Journal journal(runs::RunDirectory::journal_of(run), runs::Journal::Mode::kRead);
    const auto mean = [&](Direction direction, std::string_view payload, std::int64_t unlike) {
      return mean_of(Ledger(journal, direction), payload, cohort, rounds, config.federation.rounds,
                     unlike + (sums_classes(method) ? 1 : 0));
    };
    const Mean up = mean(Direction::kUplink, coordinator::kLayerUpdate, 0),
               down = mean(Direction::kDownlink, coordinator::kLayerModel, 1);
    forecasts.push_back({method.name, up.bytes, down.bytes, up.spread, down.spread});
  }
  return forecasts;
}

}  // namespace lorae::simulation
