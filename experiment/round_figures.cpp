#include "experiment/round_figures.h"

#include "base/error.h"
#include "base/log.h"
#include "tensors/torch.h"
#include "training/train_files.h"

namespace lorae::experiment {

RoundFigures::RoundFigures(std::filesystem::path folder, RoundId last, data::DatasetPtr test)
    : folder_(std::move(folder)), last_(last), test_(std::move(test)) {}

RoundFigures::Stage RoundFigures::stage_of(RoundId round) const {
  if (round == RoundId{}) {
    return Stage::kFirst;
  }
  if (round >= last_) {
    return Stage::kLast;
  }
  return 2 * round.value >= last_.value ? Stage::kHalf : Stage::kBetween;
}

bool RoundFigures::wants(RoundId round) const {
  const Stage stage = stage_of(round);
  return stage != Stage::kBetween && (stage == Stage::kLast || kept_ != stage);
}

void RoundFigures::keep(RoundId round,
                        const tasks::Meter& meter,
                        const tasks::PredictionSheet& sheet) {
  kept_ = stage_of(round);
  try {
    training::write_figures(folder_, tasks::figures_of(meter, test_->classes()), sheet.drawn(),
                            round.value);
  } catch (const Error& error) {
    log_warning("figures.lost", error.what());
  }
}

Metrics RoundFigures::measure(RoundId round,
                              const training::Learner& learner,
                              const std::stop_token& stop) {
  data::Loader loader(test_, tasks::judging_options(learner.task(), learner.model()), {});
  std::optional<tasks::PredictionSheet> sheet;
  if (wants(round)) {
    sheet.emplace(*test_, learner.task());
  }
  const auto meter =
      tasks::evaluate(learner.model(), learner.task(), loader, stop,
                      [&](const tasks::Predictions& predictions, const data::Batch& batch) {
                        if (sheet) {
                          sheet->add(predictions, batch);
                        }
                      });
  if (sheet && !stop.stop_requested()) {
    keep(round, *meter, *sheet);
  }
  return meter->result();
}

}  // namespace lorae::experiment
