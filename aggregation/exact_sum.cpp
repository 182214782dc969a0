#include "aggregation/exact_sum.h"

#include <algorithm>
#include <cmath>

#include "aggregation/fixed_point.h"
#include "aggregation/sum_loops.h"
#include "base/cpu.h"
#include "base/error.h"

namespace lorae::aggregation {
namespace {

constexpr std::size_t kTile = 2048;  // both planes of a tile and its values stay in the first cache

const SumLoops& loops_for(Cpu cpu) {
  switch (cpu) {
#if defined(__x86_64__)
    case Cpu::kAvx512:
      return kAvx512Sum;
    case Cpu::kAvx2:
      return kAvx2Sum;
#endif
    default:
      return kGenericSum;
  }
}

/// A contribution as the loops take it.
struct Job {
  explicit Job(const Contribution& contribution)
      : values(contribution.values.data()),
        scale(scale_of(contribution.weight)),
        limit(limit_of(contribution.weight)) {}

  const float* values;
  double scale;
  std::uint32_t limit;
};

void check_weight(std::uint64_t weight) {
  check(weight > 0 && weight <= kMaxWeight, ErrorCode::kInvalidArgument,
        "[exact_sum] weight: expected 1 to 2^40, got ", weight);
}

void check_size(std::size_t expected, std::size_t size) {
  check(size == expected, ErrorCode::kInvalidArgument, "[exact_sum] expected ", expected,
        " numbers, got ", size);
}

void check_room(std::uint64_t held, std::uint64_t more) {
  check(more <= kMaxContributions - held, ErrorCode::kInvalidArgument, "[exact_sum] at most ",
        kMaxContributions, " contributions fit, got ", held, " and ", more, " more");
}

}  // namespace

const SumLoops& sum_loops() {
  static const SumLoops& loops = loops_for(chosen_cpu());
  return loops;
}

std::uint32_t limit_of(std::uint64_t weight) {
  const double scale = scale_of(weight);
  const double range = std::ldexp(1.0, kRangeBits + kFractionBits);
  auto limit = static_cast<float>(range / scale);
  while (static_cast<double>(limit) * scale >= range) {
    limit = std::nextafter(limit, 0.0F);
  }
  return __builtin_bit_cast(std::uint32_t, limit);
}

void ExactSum::check_fits(std::span<const Contribution> contributions) const {
  check_room(contributions_, contributions.size());
  for (const Contribution& each : contributions) {
    check_weight(each.weight);
    check_size(size(), each.values.size());
  }
}

bool ExactSum::add(std::span<const float> values, std::uint64_t weight) {
  const Contribution one{values, weight};
  return add(std::span(&one, 1));
}

bool ExactSum::add(std::span<const Contribution> contributions) {
  check_fits(contributions);
  const SumLoops& loops = sum_loops();
  const std::vector<Job> jobs(contributions.begin(), contributions.end());
  const auto add_tile = [&](std::size_t at, double sign) {
    const std::size_t count = std::min(kTile, size() - at);
    for (const Job& job : jobs) {
      loops.add(&high_[at], &low_[at], job.values + at, sign * job.scale, count);
    }
  };
  // Values are checked where the cache gets them anyway; a refusal is rare, and takes out again
  // what the tiles before it added.
  const auto fits = [&](std::size_t at) {
    const std::size_t count = std::min(kTile, size() - at);
    return std::all_of(jobs.begin(), jobs.end(), [&](const Job& job) {
      return loops.largest(job.values + at, count) <= job.limit;
    });
  };
  for (std::size_t at = 0; at < size(); at += kTile) {
    if (!fits(at)) {
      for (std::size_t done = 0; done < at; done += kTile) {
        add_tile(done, -1);
      }
      return false;
    }
    add_tile(at, 1);
  }
  for (const Contribution& each : contributions) {
    weight_ += each.weight;
  }
  contributions_ += contributions.size();
  return true;
}

void ExactSum::remove(std::span<const float> values, std::uint64_t weight) {
  check_weight(weight);
  check_size(size(), values.size());
  check(contributions_ > 0 && weight <= weight_, ErrorCode::kInvalidArgument,
        "[exact_sum] a contribution to remove was never added");
  sum_loops().add(high_.data(), low_.data(), values.data(), -scale_of(weight), size());
  weight_ -= weight;
  --contributions_;
}

void ExactSum::merge(const Planes& part) {
  check_size(size(), part.high.size());
  check_size(size(), part.low.size());
  check_room(contributions_, part.contributions);
  sum_loops().merge(high_.data(), part.high.data(), size());
  sum_loops().merge(low_.data(), part.low.data(), size());
  weight_ += part.weight;
  contributions_ += part.contributions;
}

void ExactSum::mean(std::span<double> out) const {
  check_size(size(), out.size());
  check(weight_ > 0, ErrorCode::kInvalidArgument, "[exact_sum] nothing was added");
  const auto weight = static_cast<double>(weight_);
  for (std::size_t i = 0; i < size(); ++i) {
    const auto low = static_cast<std::int64_t>(low_[i]);
    const auto carry = static_cast<std::uint64_t>((low >> kLowBits) + (low >> (kLowBits - 1) & 1));
    const auto high = static_cast<std::int64_t>(high_[i] + carry);
    const auto rest = static_cast<std::int64_t>(low_[i] - (carry << kLowBits));
    const double sum = static_cast<double>(high) * 0x1p50 + static_cast<double>(rest);
    out[i] = sum / weight * 0x1p-70;
  }
}

}  // namespace lorae::aggregation
