#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "client/local_round.h"
#include "client/memory.h"
#include "simulation/frozen_weights.h"
#include "tensors/device.h"

namespace lorae::simulation {

/// The training of one member of a fleet.
struct Job {
  std::size_t member = 0;
  client::Work work;
  client::Memory* memory = nullptr;  ///< the member's
  std::size_t images = 0;            ///< how much work it is
};

struct Done {
  std::size_t member = 0;
  client::UpdateKey key;
  client::TrainedUpdate update;
  std::exception_ptr failure = {};  ///< then there is no update
  double seconds = 0;
};

/// Trains clients, several at once: a thread with a model of its own for each place, and on a GPU a
/// stream of its own. An update depends on its Work alone, not on the place or the others.
/// Threads: its members are called from one.
class Workers {
 public:
  /// `places`: the device of each worker; one that comes k times trains k clients at once.
  /// `frozen`: shared by their models.
  Workers(client::ImageSource images, const std::vector<at::Device>& places, FrozenWeights& frozen);
  /// Drops what has not begun, and waits for the rest.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// The largest of all that wait begin first.
  void submit(std::vector<Job> jobs);
  /// What is done since the last call; waits for something if `wait`. Precondition then: not idle.
  std::vector<Done> collect(bool wait);
  /// Nothing was submitted that was not collected.
  bool idle() const { return running_ == 0; }

 private:
  void work_loop(at::Device device);

  client::ImageSource images_;
  FrozenWeights& frozen_;
  std::size_t running_ = 0;  // jobs that were not collected

  std::mutex mutex_;  // guards what follows
  std::condition_variable job_ready_;
  std::condition_variable job_done_;
  std::vector<Job> jobs_;  // largest last
  std::vector<Done> done_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace lorae::simulation
