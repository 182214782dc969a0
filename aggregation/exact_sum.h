#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lorae::aggregation {

/// An update, or one tensor of it, and how often it counts.
struct Contribution {
  std::span<const float> values;
  std::uint64_t weight = 0;
};

/// What a sum holds: one number is high[i] * 2^50 + low[i] quanta of 2^-70, both in two's
/// complement. Equal contributions give equal planes, in whatever order and parts they were added.
struct Planes {
  std::span<const std::uint64_t> high, low;
  std::uint64_t weight = 0;         ///< of all contributions together
  std::uint64_t contributions = 0;  ///< how many
};

/// sum_k weight_k * values_k and sum_k weight_k, the same bits in every order of additions, in
/// every tree of partial sums and on every processor: integers are added (fixed_point.h).
///
/// Units: 16 bytes per number. At most kMaxContributions contributions, those of merged parts
/// included. Threads: one at a time may use a sum; additions of more than 2^18 numbers are spread
/// over the cores.
/// Errors: kInvalidArgument for another size, a weight of 0 or above kMaxWeight, or too many
/// contributions; nothing is changed then.
/// Source: sums in a long fixed-point accumulator: Kulisch and Miranker 1986, SIAM Review 28(1);
/// order-free sums: Demmel and Nguyen 2015, "Parallel Reproducible Summation". Ours has two words.
class ExactSum {
 public:
  explicit ExactSum(std::size_t size = 0) : high_(size), low_(size) {}

  /// Adds weight * values[i] to each number. False if a value is NaN or Inf, or if its product is
  /// not below 2^29 in size: nothing is changed then. That depends on `values` and `weight` alone.
  [[nodiscard]] bool add(std::span<const float> values, std::uint64_t weight);

  /// Adds all of them or, if one is refused, none. Reads and writes the planes once, so it is
  /// faster than one by one.
  [[nodiscard]] bool add(std::span<const Contribution> contributions);

  /// Takes out a contribution that was added, to the last bit.
  void remove(std::span<const float> values, std::uint64_t weight);

  /// Adds a sum of other contributions, from another thread, process or device.
  void merge(const Planes& part);
  void merge(const ExactSum& part) { merge(part.planes()); }

  /// sum / weight.
  /// Formula: (double(h) * 2^50 + double(l)) / double(weight) * 2^-70 with |l| <= 2^49. Sums below
  /// 2^33 in size are rounded twice: to double, and by the division.
  /// Errors: kInvalidArgument if nothing was added, too.
  void mean(std::span<double> out) const;

  std::size_t size() const { return high_.size(); }
  std::uint64_t weight() const { return weight_; }
  std::uint64_t contributions() const { return contributions_; }
  Planes planes() const { return {high_, low_, weight_, contributions_}; }

 private:
  void check_fits(std::span<const Contribution> contributions) const;

  std::vector<std::uint64_t> high_, low_;
  std::uint64_t weight_ = 0;
  std::uint64_t contributions_ = 0;
};

}  // namespace lorae::aggregation
