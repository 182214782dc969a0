#include "base/seed.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <numeric>

#include "base/digest.h"

namespace lorae {
namespace {

constexpr int kPhiloxRounds = 10;
constexpr std::uint32_t kMultiplier0 = 0xD2511F53U;
constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57U;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9U;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85U;

std::uint32_t low(std::uint64_t x) {
  return static_cast<std::uint32_t>(x);
}
std::uint32_t high(std::uint64_t x) {
  return static_cast<std::uint32_t>(x >> 32U);
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const std::uint64_t product0 = std::uint64_t{kMultiplier0} * counter[0];
    const std::uint64_t product1 = std::uint64_t{kMultiplier1} * counter[2];
    counter = {high(product1) ^ counter[1] ^ key[0], low(product1),
               high(product0) ^ counter[3] ^ key[1], low(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

std::uint32_t Random::next_u32() {
  if (used_ == buffer_.size()) {
    buffer_ = philox4x32({low(block_), high(block_), 0, 0}, {low(seed_), high(seed_)});
    ++block_;
    used_ = 0;
  }
  return buffer_[used_++];
}

std::uint64_t Random::next_u64() {
  const std::uint64_t first = next_u32();
  return first << 32U | next_u32();
}

float Random::uniform() {
  return static_cast<float>(next_u32() >> 8U) * 0x1p-24F;
}

std::uint64_t Random::below(std::uint64_t bound) {
  const std::uint64_t unfair = (0 - bound) % bound;  // 2^64 mod bound
  for (;;) {
    const std::uint64_t draw = next_u64();
    if (draw >= unfair) {
      return draw % bound;
    }
  }
}

double Random::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - static_cast<double>(uniform())));
  return radius * std::cos(2.0 * std::numbers::pi * static_cast<double>(uniform()));
}

double Random::gamma(double shape) {
  if (shape < 1.0) {
    const double boost = std::pow(1.0 - static_cast<double>(uniform()), 1.0 / shape);
    return gamma(shape + 1.0) * boost;
  }
  const double d = shape - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  for (;;) {
    const double x = normal();
    const double v = std::pow(1.0 + c * x, 3.0);
    const double u = 1.0 - static_cast<double>(uniform());
    if (v > 0.0 && std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) {
      return d * v;
    }
  }
}

std::vector<double> Random::dirichlet(std::size_t size, double concentration) {
  std::vector<double> proportions(size);
  for (double& p : proportions) {
    p = gamma(concentration);
  }
  const double sum = std::accumulate(proportions.begin(), proportions.end(), 0.0);
  for (double& p : proportions) {
    // A tiny concentration can underflow every draw; then nobody is preferred.
    p = sum > 0.0 ? p / sum : 1.0 / static_cast<double>(size);
  }
  return proportions;
}

std::vector<double> Random::dirichlet(std::span<const double> concentrations) {
  std::vector<double> logs;
  for (const double shape : concentrations) {
    // Gamma(shape) is Gamma(shape + 1) times a uniform draw to the power of 1 / shape.
    const double boost = std::log(1.0 - static_cast<double>(uniform())) / shape;
    logs.push_back(std::log(gamma(shape + 1.0)) + boost);
  }
  const double largest = *std::ranges::max_element(logs);
  double sum = 0;
  for (double& value : logs) {
    value = std::exp(value - largest);
    sum += value;
  }
  for (double& value : logs) {
    value /= sum;
  }
  return logs;
}

Seed Seed::derive(std::string_view purpose, std::string_view name, std::uint64_t index) const {
  constexpr std::string_view kEnd("\0", 1);
  Hasher hasher;
  hasher.add(std::as_bytes(std::span(&value, 1)));
  hasher.add(purpose);
  hasher.add(kEnd);
  hasher.add(name);
  hasher.add(kEnd);
  hasher.add(std::as_bytes(std::span(&index, 1)));
  const Digest digest = hasher.finish();
  Seed derived;
  std::memcpy(&derived.value, digest.bytes.data(), sizeof derived.value);
  return derived;
}

}  // namespace lorae
