#include "training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lorae::training {
namespace {

double fall_at(const ScheduleOptions& options, double t) {
  const double fall = options.kind == Schedule::kCosine   ? (1 + std::cos(std::numbers::pi * t)) / 2
                      : options.kind == Schedule::kLinear ? std::max(1 - t, 0.0)
                                                          : 1;
  return options.final_fraction + (1 - options.final_fraction) * fall;
}

double nominal_batches(const ScheduleOptions& options) {
  return static_cast<double>(options.nominal_batch) / static_cast<double>(options.batch_size);
}

std::int64_t at_least_one(double value) {
  return std::max<std::int64_t>(static_cast<std::int64_t>(std::nearbyint(value)), 1);
}

/// Part of the warm-up that is done, in [0, 1].
double warmth_at(const ScheduleOptions& options, const Moment& moment) {
  const double batches = options.warmup_epochs * static_cast<double>(moment.batches);
  const double all = std::max(std::nearbyint(batches), static_cast<double>(options.warmup_least));
  return all > 0 ? std::min(static_cast<double>(moment.step) / all, 1.0) : 1;
}

}  // namespace

std::int64_t full_accumulation(const ScheduleOptions& options) {
  return options.nominal_batch > 0 ? at_least_one(nominal_batches(options)) : options.accumulate;
}

Pace pace_at(const ScheduleOptions& options, const Moment& moment) {
  const double warmth = warmth_at(options, moment);
  Pace pace{.accumulate = full_accumulation(options)};
  if (options.nominal_batch > 0 && warmth < 1) {
    pace.accumulate = at_least_one(1 + warmth * (nominal_batches(options) - 1));
  }
  const auto epochs = static_cast<double>(options.epochs);
  if (options.stairs) {
    pace.factor = warmth * fall_at(options, static_cast<double>(moment.epoch) / epochs);
    pace.warm_share = 1 - warmth;
    return pace;
  }
  if (moment.progress < options.warmup_epochs) {
    constexpr double kStart = 1e-3;
    pace.factor = std::max(moment.progress / options.warmup_epochs, kStart);
    pace.warm_share = 1 - pace.factor;
    return pace;
  }
  const double rest = epochs - options.warmup_epochs;
  const double t = rest > 0 ? (moment.progress - options.warmup_epochs) / rest : 0;
  pace.factor = fall_at(options, std::min(t, 1.0));
  return pace;
}

}  // namespace lorae::training
