#pragma once

#include <cstring>
#include <limits>

#include "codec/coder.h"

namespace lorae::codec {

/// The coder that makes a piece of each layer, with its length before it: u32, little-endian; a
/// layer of zeros that is left out has length 0. `Format` is a plain struct:
///   void encode(ByteView bytes, Bytes& to) const;
///   Result<ByteView> decode(ByteView bytes, std::size_t size, Bytes& scratch) const;
/// The view that `decode` returns is of `bytes` or of `scratch`; there should be `size` of them,
/// which is checked here.
template <typename Format>
class EachLayer final : public Coder {
 public:
  template <typename... Arguments>
  explicit EachLayer(Arguments... arguments) : format_{arguments...} {}

  std::unique_ptr<Encoding> encoding() const override { return std::make_unique<Writer>(format_); }
  std::unique_ptr<Decoding> decoding(ByteView payload) const override {
    return std::make_unique<Reader>(format_, payload);
  }

 private:
  using Length = std::uint32_t;

  class Writer final : public Encoding {
   public:
    explicit Writer(const Format& format) : format_(format) {}

    void add(ByteView bytes, std::span<const Segment> segments) override {
      const std::size_t start = payload_.size();
      payload_.resize(start + sizeof(Length));
      if (bytes.size() == size_of(segments)) {
        format_.encode(bytes, payload_);
      }
      const std::size_t length = payload_.size() - start - sizeof(Length);
      check(length <= std::numeric_limits<Length>::max(), ErrorCode::kInvalidArgument,
            "[codec] a layer has ", length, " bytes, more than a length field can say");
      const auto field = static_cast<Length>(length);
      std::memcpy(payload_.data() + start, &field, sizeof field);
      coded_.push_back(payload_.size() - start);
    }

    std::vector<std::size_t> finish(Bytes& payload) override {
      if (payload.empty()) {
        payload = std::move(payload_);
      } else {
        append(payload, payload_);
      }
      return std::move(coded_);
    }

   private:
    Format format_;
    Bytes payload_;
    std::vector<std::size_t> coded_;
  };

  class Reader final : public Decoding {
   public:
    Reader(const Format& format, ByteView payload) : format_(format), left_(payload) {}

    Result<Layer> next(std::span<const Segment> segments) override {
      Length length = 0;
      if (left_.size() < sizeof length) {
        return corrupt("cut short");
      }
      std::memcpy(&length, left_.data(), sizeof length);
      left_ = left_.subspan(sizeof length);
      if (left_.size() < length) {
        return corrupt("cut short");
      }
      const ByteView piece = left_.first(length);
      left_ = left_.subspan(length);
      if (length == 0) {
        return Layer{{}, sizeof length};
      }
      const std::size_t size = size_of(segments);
      auto bytes = format_.decode(piece, size, scratch_);
      if (!bytes) {
        return bytes.error();
      }
      if (bytes->size() != size) {
        return corrupt(str("expected ", size, " bytes, got ", bytes->size()));
      }
      return Layer{*bytes, sizeof length + length};
    }

    Result<bool> finish() override {
      if (!left_.empty()) {
        return corrupt("bytes after the last layer");
      }
      return true;
    }

   private:
    static Error corrupt(const std::string& why) { return {ErrorCode::kCorruptData, why}; }

    Format format_;
    ByteView left_;
    Bytes scratch_;
  };

  Format format_;
};

}  // namespace lorae::codec
