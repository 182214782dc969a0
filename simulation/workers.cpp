#include "simulation/workers.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/clock.h"
#include "tensors/threads.h"

namespace lorae::simulation {

Workers::Workers(client::ImageSource images,
                 const std::vector<at::Device>& places,
                 FrozenWeights& frozen)
    : images_(std::move(images)), frozen_(frozen) {
  for (const at::Device place : places) {
    threads_.emplace_back([this, place] { work_loop(place); });
  }
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    jobs_.clear();
  }
  job_ready_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void Workers::submit(std::vector<Job> jobs) {
  if (jobs.empty()) {
    return;
  }
  running_ += jobs.size();
  {
    const std::lock_guard lock(mutex_);
    std::move(jobs.begin(), jobs.end(), std::back_inserter(jobs_));
    std::ranges::stable_sort(jobs_, {}, &Job::images);
  }
  job_ready_.notify_all();
}

std::vector<Done> Workers::collect(bool wait) {
  std::unique_lock lock(mutex_);
  if (wait) {
    job_done_.wait(lock, [this] { return !done_.empty(); });
  }
  running_ -= done_.size();
  return std::exchange(done_, {});
}

void Workers::work_loop(at::Device device) {
  use_one_thread();
  const OwnStream stream(device);
  client::LocalRound local_round(images_, device,
                                 [this](models::Model& model) { frozen_.share(model); });
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      job_ready_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) {
        return;
      }
      job = std::move(jobs_.back());
      jobs_.pop_back();
    }
    const TimePoint start = Clock::now();
    Done done{.member = job.member, .key = job.work.key, .update = {}};
    try {
      done.update = local_round.train(job.work, *job.memory);
    } catch (...) {
      done.failure = std::current_exception();
    }
    done.seconds = seconds(Clock::now() - start);
    {
      const std::lock_guard lock(mutex_);
      done_.push_back(std::move(done));
    }
    job_done_.notify_one();
  }
}

}  // namespace lorae::simulation
