#include "codec/quantisers/bfloat16.h"

namespace lorae::codec {

void BFloat16::encode(const BlockView& block, Bytes& to) const {
  const std::size_t start = to.size();
  to.resize(start + block.values.size() * sizeof(std::uint16_t));
  std::byte* out = to.data() + start;
  for (std::size_t i = 0; i < block.values.size(); ++i) {
    const std::uint16_t bits = bfloat_of(block.values[i]);
    std::memcpy(out + i * sizeof bits, &bits, sizeof bits);
  }
}

Result<bool> BFloat16::decode(ByteView bytes, Block& block) const {
  for (std::size_t i = 0; i < block.values.size(); ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, bytes.data() + i * sizeof bits, sizeof bits);
    block.values[i] = float_of_bfloat(bits);
  }
  return true;
}

}  // namespace lorae::codec
