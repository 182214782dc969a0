#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"

namespace lorae::report {

// What a training of `lorae train` leaves in its folder, as pages read it.

/// A column of results.csv: "epoch", "lr", "train/loss", "val/top1", ...
struct Measured {
  std::string name;
  std::vector<double> values;  ///< of the epochs; NaN for what is no number
};

/// results.csv, the epochs first.
/// Errors: kInvalidConfig if it cannot be read; kCorruptData if it is no such file.
std::vector<Measured> read_results(const std::filesystem::path& file);

/// train.json.
struct TrainingSummary {
  bool stopped = false;                        ///< before its end; nothing of an older build
  std::string digest = {};                     ///< in hex
  std::optional<Metrics> metrics = {};         ///< of the best epoch, by name
  std::map<std::string, double> numbers = {};  ///< "seconds", "trained_parameters", ...

  double number(const std::string& key) const;  ///< NaN for what is not there
};

/// Nothing while there is no such file. Errors: kCorruptData.
std::optional<TrainingSummary> read_summary(const std::filesystem::path& file);

}  // namespace lorae::report
