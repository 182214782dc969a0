#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lorae::codec {

/// How likely each of up to 32 tokens is, learned from those that came: both ends count the same
/// and so know the same without a word on the wire. Integers only, so it is the same everywhere.
/// Tables are made anew whenever an eighth more tokens have come, not after each: that is as good,
/// and looking up is fast. After 2^13 tokens, old ones begin to count less.
/// Source: semi-adaptive models as in Duda 2013 (arXiv:1311.2540), section 4; ours.
class Frequencies {
 public:
  static constexpr unsigned kBits = 12;
  static constexpr std::uint32_t kAll = 1U << kBits;
  static constexpr std::size_t kMostTokens = 32;

  /// A token's share of [0, kAll).
  struct Share {
    std::uint16_t start = 0, size = 0;
  };

  /// `first`: what the tokens count before any came, each at least 1; at most kMostTokens.
  explicit Frequencies(std::span<const std::uint16_t> first);

  /// Share of a token, which comes now.
  Share count(unsigned token) {
    ready();
    const Share share = shares_[token];
    seen(token);
    return share;
  }

  /// The token whose share holds `slot`, which comes now.
  unsigned find(std::uint32_t slot, Share& share) {
    ready();
    const unsigned token = tokens_[slot];
    share = shares_[token];
    seen(token);
    return token;
  }

 private:
  void ready() {
    if (left_ == 0) {
      make_tables();
    }
  }
  void seen(unsigned token) {
    counts_[token] = static_cast<std::uint16_t>(counts_[token] + kOne);
    --left_;
  }
  void make_tables();

  static constexpr std::uint32_t kOne = 4;  ///< what a token counts
  static constexpr std::uint32_t kMost = kOne << 13U;

  std::size_t size_;
  std::uint32_t left_ = 0;  ///< tokens until the tables are made anew
  std::array<std::uint16_t, kMostTokens> counts_{};
  std::array<Share, kMostTokens> shares_{};
  std::array<std::uint8_t, kAll> tokens_{};  ///< by slot
};

}  // namespace lorae::codec
