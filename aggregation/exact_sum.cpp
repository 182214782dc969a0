#include "aggregation/exact_sum.h"

#include <algorithm>
#include <cmath>
#include <system_error>

#include "aggregation/fixed_point.h"
#include "aggregation/sum_loops.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/in_parallel.h"

namespace lorae::aggregation {
namespace {

// So few contributions at a time, and so few numbers of each in turn, are fetched ahead as a stream
// each; the planes of a block stay in the second cache until all contributions were there.
constexpr std::size_t kTogether = 5;
constexpr std::size_t kTile = 128;
constexpr std::size_t kBlock = 4096;
constexpr std::size_t kPerThread = std::size_t{1} << 18;  // numbers: half a millisecond of work

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

/// Numbers `first` to `last` of a sum.
struct Span {
  std::size_t first = 0, last = 0;
};

/// Contributions on their way into two planes.
class Addition {
 public:
  Addition(std::uint64_t* high, std::uint64_t* low, std::span<const Contribution> contributions)
      : high_(high), low_(low) {
    for (const Contribution& each : contributions) {
      terms_.push_back({each.values.data(), scale_of(each.weight)});
      limits_.push_back(limit_of(each.weight));
    }
  }

  /// False, and nothing has changed, if a value is not within the range. Values are checked where
  /// the cache gets them anyway; a refusal is rare, and takes out again what was added before it.
  bool add(Span block) const {
    for (std::size_t group = 0; group < terms_.size(); group += kTogether) {
      const std::size_t end = std::min(terms_.size(), group + kTogether);
      for (std::size_t at = block.first; at < block.last; at += kTile) {
        const Span tile{at, std::min(block.last, at + kTile)};
        if (!fit(group, end, tile)) {
          take_out(0, group, block);
          take_out(group, end, {block.first, at});
          return false;
        }
        add(terms_.data() + group, end - group, tile);
      }
    }
    return true;
  }

  void take_out(Span numbers) const { take_out(0, terms_.size(), numbers); }

 private:
  bool fit(std::size_t begin, std::size_t end, Span tile) const {
    for (std::size_t k = begin; k < end; ++k) {
      const float* values = terms_[k].values + tile.first;
      if (sum_loops().largest(values, tile.last - tile.first) > limits_[k]) {
        return false;
      }
    }
    return true;
  }

  void add(const Term* terms, std::size_t count, Span numbers) const {
    sum_loops().add(high_, low_, terms, count, numbers.first, numbers.last - numbers.first);
  }

  void take_out(std::size_t begin, std::size_t end, Span numbers) const {
    for (std::size_t k = begin; k < end; ++k) {
      const Term negated{terms_[k].values, -terms_[k].scale};
      add(&negated, 1, numbers);
    }
  }

  std::uint64_t* high_;
  std::uint64_t* low_;
  std::vector<Term> terms_;
  std::vector<std::uint32_t> limits_;
};

/// The numbers of a sum that one thread adds to.
struct Part {
  Span numbers;
  std::size_t added = 0;  ///< up to this one; before the last after a refusal
};

std::vector<Part> parts_of(std::size_t size) {
  std::vector<Part> parts;
  for (std::size_t at = 0; at < size; at += kPerThread) {
    parts.push_back({{at, std::min(size, at + kPerThread)}, at});
  }
  return parts;
}

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
  const Addition addition(high_.data(), low_.data(), contributions);
  const auto add_part = [&](Part& part) {
    while (part.added < part.numbers.last) {
      const Span block{part.added, std::min(part.numbers.last, part.added + kBlock)};
      if (!addition.add(block)) {
        return;
      }
      part.added = block.last;
    }
  };
  std::vector<Part> parts = parts_of(size());
  if (parts.size() == 1) {
    add_part(parts[0]);
  } else {
    try {
      in_parallel(std::ssize(parts), [&](std::int64_t i) { add_part(parts[std::size_t(i)]); });
    } catch (const std::system_error&) {  // not one thread can be had
      std::ranges::for_each(parts, add_part);
    }
  }
  if (std::ranges::any_of(parts, [](const Part& p) { return p.added < p.numbers.last; })) {
    for (const Part& part : parts) {
      addition.take_out({part.numbers.first, part.added});
    }
    return false;
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
  const Term taken_out{values.data(), -scale_of(weight)};
  sum_loops().add(high_.data(), low_.data(), &taken_out, 1, 0, size());
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
