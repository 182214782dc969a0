#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/common/output.h"
#include "apps/common/table.h"
#include "apps/lorae/commands.h"

namespace lorae::apps {

void aggregate_again(const std::filesystem::path& run,
                     const experiment::ReplayOptions& options,
                     bool as_json) {
  const experiment::Replay replay = experiment::replay(run, options);
  if (as_json) {
    nlohmann::ordered_json rounds = nlohmann::ordered_json::array();
    for (const experiment::ReplayedRound& round : replay.rounds) {
      rounds.push_back({{"round", round.round.value},
                        {"digest", round.digest},
                        {"recorded_digest", round.recorded_digest},
                        {"difference", round.difference}});
    }
    say("{}\n",
        nlohmann::ordered_json{
            {"rule", replay.rule}, {"server", replay.server}, {"rounds", std::move(rounds)}}
            .dump());
    return;
  }
  constexpr std::size_t kShown = 16;  // digits of a digest
  Table table("rllr", {"round", "digest", "recorded", "difference"});
  for (const experiment::ReplayedRound& round : replay.rounds) {
    table.row({std::to_string(round.round.value), round.digest.substr(0, kShown),
               round.digest == round.recorded_digest ? "the same"
                                                     : round.recorded_digest.substr(0, kShown),
               fmt::format("{:.3g}", round.difference)});
  }
  say("rule {}, server {}; difference: of the states, over the recorded step\n\n", replay.rule,
      replay.server);
  table.print();
}

}  // namespace lorae::apps
