#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/named.h"

namespace lorae::training {

enum class Schedule { kCosine, kLinear, kConstant };

/// How far a training is, before a batch.
struct Moment {
  double progress = 0;       ///< epochs, with the part of the one that is under way
  std::int64_t epoch = 0;    ///< that is under way
  std::int64_t step = 0;     ///< batches since the beginning
  std::int64_t batches = 1;  ///< of an epoch
};

/// How a batch is learned from.
struct Pace {
  double factor = 1;            ///< of each group's learning rate
  double warm_share = 0;        ///< of each group's warm_rate, added to it
  std::int64_t accumulate = 1;  ///< batches per step of the optimiser
};

/// How the learning rate rises and falls.
struct ScheduleOptions {
  Schedule kind = Schedule::kCosine;
  std::int64_t epochs = 1;
  double warmup_epochs = 0;
  std::int64_t warmup_least = 0;  ///< batches of the warm-up, at least
  double final_fraction = 0;      ///< of the rate at the end
  /// The rate falls once an epoch, over all epochs, the warm-up's among them.
  bool stairs = false;
  std::int64_t accumulate = 1;     ///< batches per step
  std::int64_t nominal_batch = 0;  ///< images per step, as near as batches allow; 0: `accumulate`
  std::int64_t batch_size = 1;
};

/// Formula: in the warm-up the rate rises in a line from 0, and so do batches per step from 1; then
/// it falls from 1 to final_fraction by (1 + cos(pi t)) / 2, by 1 - t, or not at all. t: the part
/// of the epochs after the warm-up that is done; with stairs, of all epochs.
/// With stairs the warm-up counts batches, and begins with a rate of exactly 0, as in Ultralytics.
Pace pace_at(const ScheduleOptions& options, const Moment& moment);

/// Batches per step after the warm-up.
std::int64_t full_accumulation(const ScheduleOptions& options);

}  // namespace lorae::training

namespace lorae {
template <>
inline constexpr std::array<std::string_view, 3> kNames<training::Schedule> = {"cosine", "linear",
                                                                               "constant"};
}  // namespace lorae
