#pragma once

#include "codec/quantiser.h"

namespace lorae::codec {

/// The quantiser that writes the blocks of a layer one after the other, each by itself, as `Format`
/// says, a plain struct:
///   static constexpr bool kLossless;
///   std::size_t size(const BlockShape& block) const;
///   void encode(const BlockView& block, Bytes& to) const;
///   Result<bool> decode(ByteView bytes, Block& block) const;
/// Instead of `size` it may say more:
///   void segments(const BlockShape& block, std::vector<Segment>& to) const;
/// and `encode` may take a `Random&` before `to`.
template <typename Format>
class EachBlock final : public Quantiser {
 public:
  template <typename... Arguments>
  explicit EachBlock(Arguments... arguments) : format_{arguments...} {}

  std::vector<Segment> segments(std::span<const BlockShape> layer) const override {
    std::vector<Segment> all;
    for (const BlockShape& block : layer) {
      add_segments(block, all);
    }
    return all;
  }

  void encode(std::span<const BlockView> layer, Random& random, Bytes& to) const override {
    for (const BlockView& block : layer) {
      if constexpr (requires { format_.encode(block, random, to); }) {
        format_.encode(block, random, to);
      } else {
        format_.encode(block, to);
      }
    }
  }

  Result<bool> decode(ByteView bytes,
                      std::span<const Block> /*base*/,
                      std::span<Block> layer) const override {
    std::vector<Segment> own;
    for (Block& block : layer) {
      own.clear();
      add_segments(block, own);
      const std::size_t size = size_of(own);
      if (auto decoded = format_.decode(bytes.first(size), block); !decoded) {
        return decoded;
      }
      bytes = bytes.subspan(size);
    }
    return true;
  }

  Kind kind() const override { return Format::kLossless ? Kind::kLossless : Kind::kLossy; }

 private:
  void add_segments(const BlockShape& block, std::vector<Segment>& to) const {
    if constexpr (requires { format_.segments(block, to); }) {
      format_.segments(block, to);
    } else {
      to.push_back({Segment::Kind::kBytes, format_.size(block), 1});
    }
  }

  Format format_;
};

}  // namespace lorae::codec
