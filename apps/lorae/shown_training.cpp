#include "apps/lorae/shown_training.h"

#include <fmt/format.h>

#include "report/folders.h"

namespace lorae::apps {
namespace {

/// Not before the first epoch has ended.
void write_report(const std::filesystem::path& folder) {
  if (!folder.empty() && std::filesystem::exists(folder / "results.csv")) {
    report::write_single_report(folder, folder);
  }
}

}  // namespace

std::string text_of(const Metrics& metrics) {
  std::string text;
  for (const auto& [name, value] : metrics) {
    text += fmt::format("{}{} {:.4f}", text.empty() ? "" : ", ", name, value);
  }
  return text;
}

training::TrainEvents ShownTraining::events() {
  training::TrainEvents events;
  events.on_start = [this](std::int64_t images, const std::filesystem::path& folder) {
    if (progress_) {  // of the stage before
      progress_->finish(note_);
    }
    const std::string stage = folder.filename().string();
    folder_ = folder;
    progress_.emplace(label_ + (stage.starts_with("stage-") ? ", " + stage : ""), images, "images");
  };
  events.on_step = [this](const training::FitStep& step) {
    // Of the first epoch, which has no mean yet; a device is not waited for.
    if (first_ && step.loss.total.is_cpu()) {
      note_ = fmt::format("loss {:.4f}", step.loss.total.item<double>());
    }
    progress_->add(step.images, note_);
  };
  events.on_epoch = [this](const training::TrainEpoch& epoch, bool best) {
    write_report(folder_);
    first_ = false;
    note_ = fmt::format("epoch {} loss {:.4f}, {}{}", epoch.epoch, epoch.loss,
                        text_of(epoch.metrics), best ? ", best" : "");
  };
  events.should_stop = &StopSignals::asked;
  return events;
}

void ShownTraining::end(bool stopped) {
  write_report(folder_);
  if (progress_) {
    stopped ? progress_->stop(note_) : progress_->finish(note_);
  }
}

}  // namespace lorae::apps
