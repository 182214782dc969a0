#include "apps/lorae/shown_training.h"

#include <fmt/format.h>

#include <atomic>
#include <csignal>

#include "report/folders.h"

namespace lorae::apps {
namespace {

std::atomic<bool> stop_asked = false;  // set by a signal

static_assert(std::atomic<bool>::is_always_lock_free);

/// Not before the first epoch has ended.
void write_report(const std::filesystem::path& folder) {
  if (std::filesystem::exists(folder / "results.csv")) {
    report::write_single_report(folder, folder);
  }
}

}  // namespace

StopSignals::StopSignals() {
  stop_asked = false;
  for (const int signal : {SIGINT, SIGTERM}) {
    std::signal(signal, [](int number) {
      stop_asked = true;
      std::signal(number, SIG_DFL);
    });
  }
}

StopSignals::~StopSignals() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool StopSignals::asked() {
  return stop_asked.load();
}

std::string text_of(const Metrics& metrics) {
  std::string text;
  for (const auto& [name, value] : metrics) {
    text += fmt::format("{}{} {:.4f}", text.empty() ? "" : ", ", name, value);
  }
  return text;
}

ShownTraining::ShownTraining(std::string label, std::filesystem::path out)
    : label_(std::move(label)), out_(std::move(out)) {}

training::TrainEvents ShownTraining::events() {
  training::TrainEvents events;
  events.on_start = [this](std::int64_t images) { progress_.emplace(label_, images, "images"); };
  events.on_step = [this](const training::FitStep& step) { progress_->add(step.images, note_); };
  events.on_epoch = [this](const training::TrainEpoch& epoch, bool best) {
    write_report(out_);
    note_ = fmt::format("epoch {} loss {:.4f}, {}{}", epoch.epoch, epoch.loss,
                        text_of(epoch.metrics), best ? ", best" : "");
  };
  events.should_stop = &StopSignals::asked;
  return events;
}

void ShownTraining::end(bool stopped) {
  write_report(out_);
  if (progress_) {
    stopped ? progress_->stop(note_) : progress_->finish(note_);
  }
}

}  // namespace lorae::apps
