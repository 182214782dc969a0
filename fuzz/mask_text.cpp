// Any text as the runs of a mask: refused with an error, or a mask that is as large as it says and
// can be written and read again; its outline, drawn, is a mask of that size.
#include <cstdlib>
#include <numeric>

#include "data/rle.h"
#include "tasks/metrics/draw.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lorae::tasks::metrics;
  if (size < 2) {
    return 0;
  }
  const std::int64_t height = data[0], width = data[1];
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto mask = lorae::data::from_text(text, height, width);
  if (!mask.ok()) {
    return mask.error().code() == lorae::ErrorCode::kCorruptData ? 0 : (std::abort(), 0);
  }
  const auto again = lorae::data::from_text(to_text(*mask), height, width);
  const Rle packed = lorae::data::encode_rows(decode(*mask), height, width);
  if (!again.ok() || again->counts != mask->counts || area(packed) != area(*mask) ||
      intersection(packed, *mask) != area(*mask)) {
    std::abort();
  }
  lorae::data::Polygon outline;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    outline.push_back({text[i] * 1.7, text[i + 1] * 2.3});
  }
  const Rle shape = drawn(outline, height, width);
  if (std::accumulate(shape.counts.begin(), shape.counts.end(), std::int64_t{0}) !=
      height * width) {
    std::abort();
  }
  return 0;
}
