// Any text as an adapter's description: refused with an error, or it can be written and read again
// to the same values.
#include <cstdlib>

#include "adapters/description.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto info = lorae::adapters::parse_description(text);
  if (!info.ok()) {
    const lorae::ErrorCode code = info.error().code();
    if (code != lorae::ErrorCode::kCorruptData && code != lorae::ErrorCode::kIncompatible) {
      std::abort();
    }
    return 0;
  }
  const std::string written = lorae::adapters::description_text(*info);
  const auto again = lorae::adapters::parse_description(written);
  if (!again.ok() || again->layers != info->layers ||
      lorae::adapters::description_text(*again) != written) {
    std::abort();
  }
  return 0;
}
