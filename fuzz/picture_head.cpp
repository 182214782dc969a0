// Any bytes as the head of a picture, and as an index: refused, or it has a size; or every picture
// of it can be asked for.
#include <algorithm>
#include <cstdlib>

#include "data/formats/catalogue.h"
#include "data/picture_head.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lorae::ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto head = lorae::data::picture_head_of(bytes);
  if (head.ok()) {
    const auto [height, width] = head->size;
    const bool fits =
        height >= 0 && width >= 0 && height <= (std::int64_t{1} << 28) / (width > 0 ? width : 1);
    if (head->orientation < 1 || head->orientation > 8 || !fits) {
      std::abort();
    }
  }
  lorae::data::Catalogue catalogue;
  std::size_t at = 0;
  const auto take = [&](std::span<std::byte> to) {
    const bool there = to.size() <= size - at;
    if (there) {
      std::ranges::copy(bytes.subspan(at, to.size()), to.begin());
      at += to.size();
    }
    return there;
  };
  if (catalogue.add_piece(take, size)) {
    for (std::int64_t i = 0; i < catalogue.size(); ++i) {
      catalogue.objects(i);
      catalogue.picture(i);
      catalogue.mask(i);
      catalogue.domain(i);
    }
  }
  return 0;
}
