#include "experiment/evaluator.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "tensors/threads.h"

namespace lorae::experiment {

struct Evaluator::State {
  Measure measure;
  std::function<void()> on_result;

  std::mutex mutex;  // guards what follows
  std::condition_variable_any changed;
  std::optional<std::pair<RoundId, StateDict>> next;
  std::vector<Result> results;
  std::exception_ptr failure;
  bool busy = false;
  std::jthread thread;  // last: its destructor stops and joins it

  void loop(const std::stop_token& stop) {
    use_one_thread();
    std::unique_lock lock(mutex);
    for (;;) {
      if (!changed.wait(lock, stop, [this] { return next.has_value(); })) {
        return;
      }
      const auto [round, state] = *std::exchange(next, std::nullopt);
      busy = true;
      lock.unlock();
      Metrics metrics;
      std::exception_ptr problem;
      try {
        metrics = measure(round, state, stop);
      } catch (...) {
        problem = std::current_exception();
      }
      lock.lock();
      busy = false;
      if (stop.stop_requested()) {
        return;
      }
      if (problem) {
        failure = problem;
      } else {
        results.push_back({round, std::move(metrics), state});
      }
      changed.notify_all();
      lock.unlock();
      on_result();
      lock.lock();
    }
  }
};

Evaluator::Evaluator(Measure measure, std::function<void()> on_result)
    : state_(std::make_unique<State>()) {
  state_->measure = std::move(measure);
  state_->on_result = std::move(on_result);
  state_->thread =
      std::jthread([state = state_.get()](const std::stop_token& stop) { state->loop(stop); });
}

Evaluator::~Evaluator() = default;

void Evaluator::submit(RoundId round, const StateDict& state) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->next.emplace(round, state);
  }
  state_->changed.notify_all();
}

std::vector<Evaluator::Result> Evaluator::take_results() {
  const std::lock_guard lock(state_->mutex);
  if (state_->failure) {
    std::rethrow_exception(std::exchange(state_->failure, nullptr));
  }
  return std::exchange(state_->results, {});
}

void Evaluator::finish() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [this] { return !state_->busy && !state_->next; });
}

}  // namespace lorae::experiment
