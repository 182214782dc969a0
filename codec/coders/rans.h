#pragma once

#include <cstring>
#include <vector>

#include "base/bytes.h"
#include "codec/coders/frequencies.h"

namespace lorae::codec {

// Tokens and bits as one number, the state, and words that it has no room for.
// Source: rANS, Duda 2013 (arXiv:1311.2540), sections 2 and 3; with words as in F. Giesen 2014
// (arXiv:1402.3392), section 4.

/// The share of `bits`, of which all of this width are equally likely.
inline Frequencies::Share share_of_bits(unsigned bits, unsigned width) {
  const unsigned size = Frequencies::kBits - width;
  return {static_cast<std::uint16_t>(bits << size), static_cast<std::uint16_t>(1U << size)};
}

inline constexpr unsigned kWordBits = 16;
/// A state between two tokens is at least this; the first and the last one are.
inline constexpr std::uint32_t kLeastState = 1U << kWordBits;

/// Collects the shares of tokens in their order; the coder itself goes backwards, in `finish`.
class RansWriter {
 public:
  static constexpr bool kReads = false;

  /// Comes before at most so many tokens and bits.
  void expect(std::size_t calls) {
    if (shares_.size() - size_ < calls) {
      shares_.resize(size_ + size_ / 2 + calls);
    }
  }
  unsigned token(Frequencies& model, unsigned token) {
    shares_[size_++] = model.count(token);
    return token;
  }
  unsigned bits(unsigned bits, unsigned width) {
    shares_[size_++] = share_of_bits(bits, width);
    return bits;
  }
  /// What comes now belongs to the next part.
  void end_part() { ends_.push_back(size_); }

  struct Written {
    std::uint32_t state = kLeastState;
    std::vector<std::uint16_t> words;  ///< in the order of reading
    std::vector<std::size_t> parts;    ///< words of each part
  };
  Written finish() const;

 private:
  std::vector<Frequencies::Share> shares_;
  std::size_t size_ = 0;
  std::vector<std::size_t> ends_;
};

/// Reads what a RansWriter wrote, in the order of writing. Of other bytes it reads nonsense, but
/// never more than there is.
class RansReader {
 public:
  static constexpr bool kReads = true;

  RansReader() = default;
  RansReader(std::uint32_t state, ByteView words) : state_(state), words_(words) {}

  void expect(std::size_t /*calls*/) const {}
  unsigned token(Frequencies& model, unsigned /*token*/) {
    Frequencies::Share share;
    const unsigned token = model.find(state_ & (Frequencies::kAll - 1), share);
    advance(share);
    return token;
  }
  unsigned bits(unsigned /*bits*/, unsigned width) {
    const unsigned bits = (state_ & (Frequencies::kAll - 1)) >> (Frequencies::kBits - width);
    advance(share_of_bits(bits, width));
    return bits;
  }

  /// Bytes that are not read yet.
  std::size_t left() const { return words_.size(); }
  bool cut_short() const { return cut_short_; }
  /// True if the state is the one that a writer begins with.
  bool at_end() const { return state_ == kLeastState; }

 private:
  void advance(Frequencies::Share share) {
    state_ = share.size * (state_ >> Frequencies::kBits) + (state_ & (Frequencies::kAll - 1)) -
             share.start;
    if (state_ < kLeastState) {
      std::uint16_t word = 0;
      if (words_.size() >= sizeof word) {
        std::memcpy(&word, words_.data(), sizeof word);
        words_ = words_.subspan(sizeof word);
      } else {
        cut_short_ = true;
      }
      state_ = state_ << kWordBits | word;
    }
  }

  std::uint32_t state_ = kLeastState;
  ByteView words_;
  bool cut_short_ = false;
};

}  // namespace lorae::codec
