#include "codec/coders/range.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "codec/coders/rans.h"
#include "codec/coders/tokens.h"

namespace lorae::codec {
namespace {

constexpr std::byte kPlain{0}, kCoded{1};

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
      const auto both = std::to_integer<unsigned>(bytes[i / 2]);
      const auto nibble = static_cast<int>(i % 2 == 0 ? both & 15U : both >> 4U);
      steps[i] = static_cast<std::int8_t>(nibble < 8 ? nibble : nibble - 16);
    }
  }
  code_steps(port, models, std::span(steps), segment.width);
  if constexpr (Port::kReads) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const auto nibble = static_cast<unsigned>(steps[i]) & 15U;
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
        code_steps(port, models, std::span(reinterpret_cast<std::int8_t*>(own.data()), own.size()),
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
    code_layer(writer_, models_, segments, std::span(plain_).subspan(start));
    writer_.end_part();
    sizes_.push_back(plain_.size() - start);
  }

  std::vector<std::size_t> finish(Bytes& payload) override {
    std::vector<std::size_t> coded = std::move(sizes_);
    if (coded.empty()) {
      return coded;
    }
    const RansWriter::Written written = writer_.finish();
    const std::size_t size = sizeof written.state + written.words.size() * sizeof written.words[0];
    if (size < plain_.size()) {
      payload.push_back(kCoded);
      append(payload, bytes_of(std::span<const std::uint32_t>(&written.state, 1)));
      append(payload, bytes_of(std::span<const std::uint16_t>(written.words)));
      for (std::size_t i = 0; i < coded.size(); ++i) {
        coded[i] = written.parts[i] * sizeof written.words[0];
      }
      coded[0] += sizeof written.state;
    } else {
      payload.push_back(kPlain);
      append(payload, plain_);
    }
    coded[0] += 1;
    return coded;
  }

 private:
  Models models_;
  RansWriter writer_;
  Bytes plain_;
  std::vector<std::size_t> sizes_;  // of layers, in plain_
};

class RangeDecoding final : public Decoding {
 public:
  explicit RangeDecoding(ByteView payload) : left_(payload) {}

  Result<Layer> next(std::span<const Segment> segments) override {
    const std::size_t before = left();
    if (!begun_ && !begin()) {
      return corrupt("cut short, or of another coder");
    }
    bytes_.assign(size_of(segments), std::byte{0});
    if (coded_) {
      code_layer(reader_, models_, segments, bytes_);
    } else if (left_.size() >= bytes_.size()) {
      std::ranges::copy(left_.first(bytes_.size()), bytes_.begin());
      left_ = left_.subspan(bytes_.size());
    } else {
      return corrupt("cut short");
    }
    if (reader_.cut_short()) {
      return corrupt("cut short");
    }
    return Layer{bytes_, before - left()};
  }

  Result<bool> finish() override {
    if (left() > 0) {
      return corrupt("bytes after the last layer");
    }
    if (!reader_.at_end()) {
      return corrupt("the coder does not end where it began");
    }
    return true;
  }

 private:
  std::size_t left() const { return coded_ ? reader_.left() : left_.size(); }

  bool begin() {
    begun_ = true;
    if (left_.empty() || (left_[0] != kPlain && left_[0] != kCoded)) {
      return false;
    }
    const bool coded = left_[0] == kCoded;
    left_ = left_.subspan(1);
    std::uint32_t state = 0;
    if (coded) {
      if (left_.size() < sizeof state) {
        return false;
      }
      std::memcpy(&state, left_.data(), sizeof state);
      reader_ = RansReader(state, left_.subspan(sizeof state));
      coded_ = true;
    }
    return !coded || state >= kLeastState;
  }

  static Error corrupt(const std::string& why) {
    return {ErrorCode::kCorruptData, "[range] " + why};
  }

  bool begun_ = false, coded_ = false;
  ByteView left_;  // as long as nothing says that it is coded
  RansReader reader_;
  Models models_;
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
