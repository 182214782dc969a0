#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace lorae {

/// Philox4x32-10: a counter-based generator, so that draw number `counter` under `key` is the
/// same number on every machine, in any order, on any thread.
/// Source: Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3" (Random123).
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

/// A stream of random numbers; copies continue independently from the same place.
/// Integers, `uniform`, `below` and `shuffle` are exact and the same on every machine; `normal`,
/// `gamma` and `dirichlet` use libm, whose last bit may differ between C libraries.
class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}

  std::uint32_t next_u32();
  std::uint64_t next_u64();

  /// Uniform in [0, 1), a multiple of 2^-24, exact in float32.
  float uniform();

  /// Uniform in [0, bound), without modulo bias. Precondition: bound > 0.
  std::uint64_t below(std::uint64_t bound);

  /// A standard normal draw (Box-Muller).
  double normal();

  /// A draw of Gamma(shape, 1). Source: Marsaglia & Tsang 2000, "A Simple Method for
  /// Generating Gamma Variables"; shape < 1 by the boost of its section 6.
  double gamma(double shape);

  /// A draw of the symmetric Dirichlet distribution: `size` proportions that sum to 1.
  std::vector<double> dirichlet(std::size_t size, double concentration);
  /// The same with a concentration for each; in logarithms, so that no draw vanishes, however small
  /// they are. Precondition: all positive.
  std::vector<double> dirichlet(std::span<const double> concentrations);

  /// Fisher-Yates.
  template <typename T>
  void shuffle(std::span<T> values) {
    for (std::size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[below(i)]);
    }
  }

 private:
  std::uint64_t seed_;
  std::uint64_t block_ = 0;                // the next Philox counter
  std::array<std::uint32_t, 4> buffer_{};  // draws of the block before it
  std::size_t used_ = 4;
};

/// The one source of randomness of a run. Every purpose derives its own stream, so adding a draw
/// in one place never changes another.
struct Seed {
  std::uint64_t value = 0;

  /// The seed for one purpose, for example derive("shuffle", client, round).
  /// Formula: the first 8 bytes of BLAKE2b(value | purpose | name | index), little-endian, each
  /// text ended by a zero byte.
  Seed derive(std::string_view purpose, std::string_view name = {}, std::uint64_t index = 0) const;

  Random random() const { return Random(value); }
};

}  // namespace lorae
