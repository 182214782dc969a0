// Any text as a COCO file: refused, or its runs are those of pictures, and outlines give them back.
#include <cstdlib>

#include "data/formats/coco_json.h"
#include "data/formats/rle.h"

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void check_runs(const std::vector<std::int64_t>& counts) {
  const auto pixels = lorae::data::rle_pixels(counts, 16, 12);
  if (!pixels) {
    return;
  }
  lorae::data::Pixels again{16, 12, std::vector<std::uint8_t>(16 * 12)};
  lorae::data::fill(lorae::data::outlines(*pixels), 1, again);
  require(again.values == pixels->values);
  const auto whole = lorae::data::counts_of(*pixels);
  require(lorae::data::rle_counts(lorae::data::rle_text(whole)) == whole);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto counts = lorae::data::rle_counts(text)) {
    check_runs(*counts);
  }
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
