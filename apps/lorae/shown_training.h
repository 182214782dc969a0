#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "apps/common/stop_signals.h"
#include "base/metrics.h"
#include "base/progress.h"
#include "training/train.h"

namespace lorae::apps {

/// The status of a program that a signal has stopped.
inline constexpr int kInterrupted = 130;

/// "top1 0.7132, loss 1.2034".
std::string text_of(const Metrics& metrics);

/// What a person sees of a training, or of its stages, while it runs: how far it is, and
/// report.html after each epoch.
class ShownTraining {
 public:
  explicit ShownTraining(std::string label) : label_(std::move(label)) {}

  /// They refer to this.
  training::TrainEvents events();
  void end(bool stopped);

 private:
  std::string label_, note_;
  bool first_ = true;             // epoch of this process
  std::filesystem::path folder_;  // of the stage in hand
  std::optional<Progress> progress_;
};

}  // namespace lorae::apps
