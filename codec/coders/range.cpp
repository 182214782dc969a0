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
struct WritePort {
  static constexpr bool kReads = false;

  unsigned token(Frequencies& model, unsigned token) {
    shares.push_back(model.count(token));
    return token;
  }
  unsigned bits(unsigned bits, unsigned width) {
    shares.push_back(share_of(bits, width));
    return bits;
  }

  std::vector<Share> shares;
};

struct ReadPort {
  static constexpr bool kReads = true;

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
  unsigned left = 0, before = 0;  // sizes of the two steps that came last
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const unsigned above = i >= width ? size_of_step(steps[i - width]) : left;
    const unsigned context = context_of(2 * left + before + 2 * above);
    const StepToken known = Port::kReads ? StepToken{} : StepToken::of(steps[i]);
    const unsigned token = port.token(models.step(context), known.token);
    unsigned bits = 0;
    if (const unsigned size = StepToken::width_of(token); size > 0) {
      bits = port.bits(known.bits, size);
    }
    if constexpr (Port::kReads) {
      steps[i] = static_cast<std::int8_t>(StepToken::step_of(token, bits));
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
    ends_.push_back({plain_.size(), port_.shares.size()});
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
    std::vector<std::uint16_t> words;
    std::size_t next = port_.shares.size();
    for (std::size_t layer = ends_.size(); layer-- > 0;) {
      const std::size_t before = words.size();
      const std::size_t begin = layer == 0 ? 0 : ends_[layer - 1].shares;
      while (next > begin) {
        const auto [start, size] = port_.shares[--next];
        if (state_ >> (2 * kWordBits - Frequencies::kBits) >= size) {
          words.push_back(static_cast<std::uint16_t>(state_));
          state_ >>= kWordBits;
        }
        state_ = (state_ / size << Frequencies::kBits) + state_ % size + start;
      }
      coded[layer] = (words.size() - before) * sizeof words[0];
    }
    std::ranges::reverse(words);
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
