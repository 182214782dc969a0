#include "codec/coders/range.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "codec/coders/tokens.h"

namespace lorae::codec {
namespace {

using Share = Frequencies::Share;

constexpr unsigned kWordBits = 16;
constexpr std::uint32_t kLeastState = 1U << kWordBits;  // between tokens, a state is at least this
constexpr std::byte kPlain{0}, kCoded{1};

/// The share of `bits`, of which all of this width are equally likely.
Share share_of(unsigned bits, unsigned width) {
  const unsigned size = Frequencies::kBits - width;
  return {static_cast<std::uint16_t>(bits << size), static_cast<std::uint16_t>(1U << size)};
}

/// Collects the shares of tokens, in their order. The coder itself goes backwards.
class WritePort {
 public:
  static constexpr bool kReads = false;

  /// Before so many calls of the others.
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
    shares_[size_++] = share_of(bits, width);
    return bits;
  }

  std::span<const Share> shares() const { return std::span(shares_).first(size_); }

 private:
  std::vector<Share> shares_;
  std::size_t size_ = 0;
};

struct ReadPort {
  static constexpr bool kReads = true;

  void expect(std::size_t /*calls*/) const {}
  unsigned token(Frequencies& model, unsigned /*token*/) {
    Share share;
    const unsigned token = model.find(state & (Frequencies::kAll - 1), share);
    advance(share);
    return token;
  }
  unsigned bits(unsigned /*bits*/, unsigned width) {
    const unsigned bits = (state & (Frequencies::kAll - 1)) >> (Frequencies::kBits - width);
    advance(share_of(bits, width));
    return bits;
  }

  void advance(Share share) {
    state = share.size * (state >> Frequencies::kBits) + (state & (Frequencies::kAll - 1)) -
            share.start;
    if (state < kLeastState) {
      std::uint16_t word = 0;
      if (words.size() >= sizeof word) {
        std::memcpy(&word, words.data(), sizeof word);
        words = words.subspan(sizeof word);
      } else {
        cut_short = true;  // and the rest is nonsense, as of any other damage
      }
      state = state << kWordBits | word;
    }
  }

  std::uint32_t state = kLeastState;
  ByteView words = {};
  bool cut_short = false;
};

/// number / divisor, for divisors to Frequencies::kAll: by multiplication with 2^44 / divisor, rounded
/// up, which is exact for them. It is four times as fast as a division.
std::uint32_t divided(std::uint32_t number, std::uint32_t divisor) {
  static const std::vector<std::uint64_t> inverses = [] {
    std::vector<std::uint64_t> all(Frequencies::kAll + 1);
    for (std::uint64_t i = 1; i < all.size(); ++i) {
      all[i] = ((std::uint64_t{1} << 44U) + i - 1) / i;
    }
    return all;
  }();
  const std::uint64_t inverse = inverses[divisor];
  const std::uint64_t low = number * (inverse & 0xfffU) >> 12U;
  return static_cast<std::uint32_t>((number * (inverse >> 12U) + low) >> 32U);
}

/// How large the neighbours of a step are tells how large it will be.
unsigned context_of(unsigned around) {
  static constexpr std::array<std::uint8_t, 33> kContexts = [] {
    std::array<std::uint8_t, 33> contexts{};
    constexpr std::array kLimits = {1, 2, 3, 4, 6, 8, 12, 20, 33};
    for (unsigned i = 0; i < contexts.size(); ++i) {
      while (i >= static_cast<unsigned>(kLimits[contexts[i]])) {
        ++contexts[i];
      }
    }
    return contexts;
  }();
  return around < kContexts.size() ? kContexts[around] : Models::kContexts - 1;
}

unsigned size_of_step(std::int8_t step) {
  return static_cast<unsigned>(step < 0 ? -step : step);
}

/// Writes or reads steps, by the port. `width`: of a row.
template <typename Port>
void code_steps(Port& port, Models& models, std::span<std::int8_t> steps, std::size_t width) {
  port.expect(2 * steps.size());
  const auto contexts = models.steps();
  unsigned left = 0, before = 0;  // sizes of the two steps that came last
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const unsigned above = i >= width ? size_of_step(steps[i - width]) : left;
    Frequencies& model = *contexts[context_of(2 * left + before + 2 * above)];
    if constexpr (Port::kReads) {
      const unsigned token = port.token(model, 0);
      const unsigned size = StepToken::width_of(token);
      steps[i] = StepToken::step_of(token, size > 0 ? port.bits(0, size) : 0);
    } else {
      const StepToken known = StepToken::of(steps[i]);
      port.token(model, known.token);
      if (known.width > 0) {
        port.bits(known.bits, known.width);
      }
    }
    before = left;
    left = size_of_step(steps[i]);
  }
}

template <typename Port>
void code_nibbles(Port& port, Models& models, const Segment& segment, std::span<std::byte> bytes) {
  std::vector<std::int8_t> steps(segment.count);
  if constexpr (!Port::kReads) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const unsigned both = std::to_integer<unsigned>(bytes[i / 2]);
      const int nibble = static_cast<int>(i % 2 == 0 ? both & 15U : both >> 4U);
      steps[i] = static_cast<std::int8_t>(nibble < 8 ? nibble : nibble - 16);
    }
  }
  code_steps(port, models, std::span(steps), segment.width);
  if constexpr (Port::kReads) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const unsigned nibble = static_cast<unsigned>(steps[i]) & 15U;
      bytes[i / 2] |= static_cast<std::byte>(i % 2 == 0 ? nibble : nibble << 4U);
    }
  }
}

template <typename Port>
void code_bytes(Port& port, Models& models, const Segment& segment, std::span<std::byte> bytes) {
  port.expect(2 * bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto plane = static_cast<unsigned>(i % segment.width % Models::kPlanes);
    const auto known = std::to_integer<unsigned>(bytes[i]);
    const unsigned high = port.token(models.high(plane), known >> 4U);
    const unsigned low = port.token(models.low(plane, high), known & 15U);
    bytes[i] = static_cast<std::byte>(high << 4U | low);
  }
}

/// Writes or reads a layer. `bytes`: of its segments; where they are read, zero before.
template <typename Port>
void code_layer(Port& port,
                Models& models,
                std::span<const Segment> segments,
                std::span<std::byte> bytes) {
  for (const Segment& segment : segments) {
    const std::span<std::byte> own = bytes.first(segment.bytes());
    bytes = bytes.subspan(own.size());
    const bool zeros = !Port::kReads && std::ranges::all_of(own, [](std::byte byte) {
      return byte == std::byte{0};
    });
    port.expect(1);
    if (own.empty() || port.token(models.empty(), zeros ? 1 : 0) == 1) {
      continue;
    }
    switch (segment.kind) {
      case Segment::Kind::kBytes:
        code_bytes(port, models, segment, own);
        break;
      case Segment::Kind::kSteps:
        code_steps(port, models,
                   std::span(reinterpret_cast<std::int8_t*>(own.data()), own.size()),
                   segment.width);
        break;
      case Segment::Kind::kNibbles:
        code_nibbles(port, models, segment, own);
        break;
    }
  }
}

class RangeEncoding final : public Encoding {
 public:
  void add(ByteView bytes, std::span<const Segment> segments) override {
    const std::size_t start = plain_.size();
    append(plain_, bytes);
    plain_.resize(start + size_of(segments));  // zeros, if there are no bytes
    code_layer(port_, models_, segments, std::span(plain_).subspan(start));
    ends_.push_back({plain_.size(), port_.shares().size()});
  }

  std::vector<std::size_t> finish(Bytes& payload) override {
    std::vector<std::size_t> coded(ends_.size());
    if (ends_.empty()) {
      return coded;
    }
    const std::vector<std::uint16_t> words = words_of(coded);
    const std::size_t size = sizeof state_ + words.size() * sizeof words[0];
    payload.push_back(size < plain_.size() ? kCoded : kPlain);
    if (size < plain_.size()) {
      append(payload, bytes_of(std::span<const std::uint32_t>(&state_, 1)));
      append(payload, bytes_of(std::span(words)));
      coded[0] += sizeof state_;
    } else {
      append(payload, plain_);
      for (std::size_t i = 0; i < ends_.size(); ++i) {
        coded[i] = ends_[i].bytes - (i == 0 ? 0 : ends_[i - 1].bytes);
      }
    }
    coded[0] += 1;
    return coded;
  }

 private:
  struct End {
    std::size_t bytes, shares;
  };

  /// Puts all shares into the state, the last one first, and what does not fit into words, which
  /// are then turned to the order of reading. `coded`: bytes of words by layer.
  std::vector<std::uint16_t> words_of(std::vector<std::size_t>& coded) {
    const std::span<const Share> shares = port_.shares();
    std::vector<std::uint16_t> words(shares.size());  // a share needs one at most
    std::uint32_t state = kLeastState;
    std::size_t next = shares.size(), written = 0;
    for (std::size_t layer = ends_.size(); layer-- > 0;) {
      const std::size_t before = written;
      const std::size_t begin = layer == 0 ? 0 : ends_[layer - 1].shares;
      while (next > begin) {
        const auto [start, size] = shares[--next];
        words[written] = static_cast<std::uint16_t>(state);
        const bool full = state >> (2 * kWordBits - Frequencies::kBits) >= size;
        written += full ? 1 : 0;
        state = full ? state >> kWordBits : state;
        const std::uint32_t quotient = divided(state, size);
        state += quotient * (Frequencies::kAll - size) + start;
      }
      coded[layer] = (written - before) * sizeof words[0];
    }
    words.resize(written);
    std::ranges::reverse(words);
    state_ = state;
    return words;
  }

  Models models_;
  WritePort port_;
  Bytes plain_;
  std::vector<End> ends_;  // of layers
  std::uint32_t state_ = kLeastState;
};

class RangeDecoding final : public Decoding {
 public:
  explicit RangeDecoding(ByteView payload) : payload_(payload) {}

  Result<Layer> next(std::span<const Segment> segments) override {
    const std::size_t head = begun_ ? 0 : 1;
    if (!begun_ && !begin()) {
      return corrupt("cut short, or of another coder");
    }
    const std::size_t size = size_of(segments);
    if (!coded_) {
      if (port_.words.size() < size) {
        return corrupt("cut short");
      }
      const Layer layer{port_.words.first(size), head + size};
      port_.words = port_.words.subspan(size);
      return layer;
    }
    const std::size_t before = head > 0 ? payload_.size() : port_.words.size();
    bytes_.assign(size, std::byte{0});
    code_layer(port_, models_, segments, bytes_);
    if (port_.cut_short) {
      return corrupt("cut short");
    }
    return Layer{bytes_, before - port_.words.size()};
  }

  Result<bool> finish() override {
    if (!begun_ && !payload_.empty()) {
      return corrupt("bytes after the last layer");
    }
    if (!port_.words.empty()) {
      return corrupt("bytes after the last layer");
    }
    if (port_.state != kLeastState) {
      return corrupt("the coder does not end where it began");
    }
    return true;
  }

 private:
  bool begin() {
    begun_ = true;
    if (payload_.empty() || (payload_[0] != kPlain && payload_[0] != kCoded)) {
      return false;
    }
    coded_ = payload_[0] == kCoded;
    port_.words = payload_.subspan(1);
    if (!coded_) {
      return true;
    }
    if (port_.words.size() < sizeof port_.state) {
      return false;
    }
    std::memcpy(&port_.state, port_.words.data(), sizeof port_.state);
    port_.words = port_.words.subspan(sizeof port_.state);
    return port_.state >= kLeastState;
  }

  static Error corrupt(const std::string& why) {
    return {ErrorCode::kCorruptData, "[range] " + why};
  }

  ByteView payload_;
  bool begun_ = false, coded_ = false;
  Models models_;
  ReadPort port_;
  Bytes bytes_;
};

}  // namespace

std::unique_ptr<Encoding> Range::encoding() const {
  return std::make_unique<RangeEncoding>();
}

std::unique_ptr<Decoding> Range::decoding(ByteView payload) const {
  return std::make_unique<RangeDecoding>(payload);
}

}  // namespace lorae::codec
