// Any text as a COCO file: refused, or its runs are those of pictures, and outlines give them back.
#include <cstdlib>

#include "data/formats/coco_json.h"
#include "data/formats/outline.h"
#include "data/rle.h"

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void check_runs(const std::vector<std::int64_t>& counts) {
  const auto mask = lorae::data::from_counts(counts, 16, 12);
  if (!mask.ok()) {
    return;
  }
  const lorae::data::Pixels pixels{16, 12, lorae::data::decode(*mask)};
  lorae::data::Pixels again{16, 12, std::vector<std::uint8_t>(16 * 12)};
  lorae::data::fill(lorae::data::outlines(pixels), 1, again);
  require(again.values == pixels.values);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto coco = lorae::data::parse_coco(text, "a.json");
  if (!coco.ok()) {
    require(coco.error().problem().what.size() > 2);
    return 0;
  }
  for (const auto& thing : coco->things) {
    check_runs(thing.counts);
  }
  return 0;
}
