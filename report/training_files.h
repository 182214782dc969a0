#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

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

/// train.json; an object without keys while there is none. Errors: kCorruptData.
nlohmann::ordered_json read_summary(const std::filesystem::path& file);

}  // namespace lorae::report
