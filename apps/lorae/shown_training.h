#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "base/progress.h"
#include "training/train.h"

namespace lorae::apps {

/// The status of a program that a signal has stopped.
inline constexpr int kInterrupted = 130;

/// SIGINT and SIGTERM ask for a stop while this lives; a second one ends the program at once.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  static bool asked();
};

/// "top1 0.7132, loss 1.2034".
std::string text_of(const Metrics& metrics);

/// What a person sees of a training while it runs: how far it is, and report.html after each epoch.
class ShownTraining {
 public:
  ShownTraining(std::string label, std::filesystem::path out);

  /// They refer to this.
  training::TrainEvents events();
  void end(bool stopped);

 private:
  std::string label_, note_;
  std::filesystem::path out_;
  std::optional<Progress> progress_;
};

}  // namespace lorae::apps
