#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>

#include "base/ids.h"
#include "tasks/prediction_sheet.h"
#include "training/learner.h"

namespace lorae::experiment {

/// Keeps, in a run's folder, what some of its global models are like: the first one, if anybody
/// measures it, one from half of the rounds on, and the last one. For each a file of figures and a
/// sheet of predictions on the test pictures, under the names of the round. Threads: one.
class RoundFigures {
 public:
  /// `last`: the last round that is planned.
  RoundFigures(std::filesystem::path folder, RoundId last, data::DatasetPtr test);

  /// Whether the model of that round, which comes after those that were kept, is one of them.
  bool wants(RoundId round) const;
  /// If they cannot be written they are lost, with a warning: the run is worth more.
  void keep(RoundId round, const tasks::Meter& meter, const tasks::PredictionSheet& sheet);

  /// Measures what the learner has loaded, and keeps what is wanted of it. Gives up, with any
  /// result, when a stop is requested.
  Metrics measure(RoundId round, const training::Learner& learner, const std::stop_token& stop);

  const data::Dataset& test() const { return *test_; }

 private:
  enum class Stage { kFirst, kBetween, kHalf, kLast };
  Stage stage_of(RoundId round) const;

  std::filesystem::path folder_;
  RoundId last_;
  data::DatasetPtr test_;
  std::optional<Stage> kept_;
};

}  // namespace lorae::experiment
