#pragma once

#include "codec/quantiser.h"

namespace lorae::codec {

/// The quantiser that writes the blocks of a layer one after the other, each by itself, as `Format`
/// says, a plain struct:
///   static constexpr bool kLossless;
///   std::size_t size(const BlockShape& block) const;
///   void encode(const BlockView& block, Bytes& to) const;
///   Result<bool> decode(ByteView bytes, Block& block) const;
template <typename Format>
class EachBlock final : public Quantiser {
 public:
  template <typename... Arguments>
  explicit EachBlock(Arguments... arguments) : format_{arguments...} {}

  void encode(std::span<const BlockView> layer, Bytes& to) const override {
    for (const BlockView& block : layer) {
      format_.encode(block, to);
    }
  }

  std::size_t size(std::span<const BlockShape> layer) const override {
    std::size_t size = 0;
    for (const BlockShape& block : layer) {
      size += format_.size(block);
    }
    return size;
  }

  Result<bool> decode(ByteView bytes, std::span<Block> layer) const override {
    for (Block& block : layer) {
      const std::size_t own = format_.size(block);
      if (auto decoded = format_.decode(bytes.first(own), block); !decoded) {
        return decoded;
      }
      bytes = bytes.subspan(own);
    }
    return true;
  }

  bool lossless() const override { return Format::kLossless; }

 private:
  Format format_;
};

}  // namespace lorae::codec
