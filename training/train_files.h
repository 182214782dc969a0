#pragma once

#include <filesystem>
#include <optional>

#include "training/train.h"

namespace lorae::training {

/// What a training has measured so far.
struct TrainProgress {
  std::vector<TrainEpoch> epochs;
  std::int64_t best_epoch = 0;  ///< 0: none yet
  double seconds = 0;
  double started = 0;       ///< seconds since 1970; 0: not yet
  std::int64_t images = 0;  ///< trained on, in `busy` seconds of steps
  double busy = 0;
  double peak_memory_mb = 0;  ///< of all processes of this training

  const TrainEpoch* best() const {
    return best_epoch == 0 ? nullptr : &epochs.at(static_cast<std::size_t>(best_epoch - 1));
  }
};

/// Writes figures.json and, unless `sheet` is undefined, predictions.jpg: what a model that was
/// judged is like; under the names of a round if there is one. Shape: `sheet` uint8 [H, W, 3].
void write_figures(const std::filesystem::path& folder,
                   const Figures& figures,
                   const at::Tensor& sheet,
                   std::optional<std::uint64_t> round = {});

/// The files of a training's folder.
class TrainFolder {
 public:
  /// Makes the folder and writes config.toml; to resume, checks that it is the same training.
  /// Errors: kInvalidConfig if it holds another one, saying what differs, or none to resume.
  TrainFolder(std::filesystem::path path, const TrainConfig& config, bool resume);

  /// results.csv, whole, and the same for TensorBoard: a file of events that grows.
  void write_results(const TrainProgress& progress) const;
  void write_summary(const TrainSummary& summary) const;
  /// `state` with the progress beside it, in one file: a crash leaves the one before.
  void save_state(const StateDict& state, const TrainProgress& progress) const;
  /// nullopt if nothing was saved yet. Errors: kCorruptData.
  std::optional<std::pair<StateDict, TrainProgress>> load_state() const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file(const std::string& name) const { return path_ / name; }

 private:
  void write_events(const TrainProgress& progress) const;

  std::filesystem::path path_;
};

/// TensorBoard reads files with such names.
inline constexpr const char* kEventsFile = "events.out.tfevents.lorae";

}  // namespace lorae::training
