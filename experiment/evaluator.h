#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "base/ids.h"
#include "base/metrics.h"
#include "tensors/state_dict.h"

namespace lorae::experiment {

/// Measures global states on a thread of its own, so that whoever answers clients never waits for
/// it. If states come faster than they can be measured, the newest is measured next and those
/// between have no metrics.
class Evaluator {
 public:
  /// Gives up early, with any result, when a stop is requested.
  using Measure = std::function<Metrics(RoundId, const StateDict&, const std::stop_token&)>;

  /// `measure` runs on the evaluator's thread; so does `on_result`, after each result.
  Evaluator(Measure measure, std::function<void()> on_result);
  /// Stops the measurement in hand.
  ~Evaluator();
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  /// `state` must not be written to any more. Threads: any.
  void submit(RoundId round, const StateDict& state);

  struct Result {
    RoundId round;
    Metrics metrics;
    StateDict state;  ///< that was measured
  };
  /// What was measured since the last call, oldest first. Threads: any.
  /// Errors: what `measure` threw.
  std::vector<Result> take_results();

  /// Returns when everything that was submitted is measured or passed over.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lorae::experiment
