// The place "coder": one line for each.
#include "codec/coder.h"
#include "codec/coders/stored.h"
#include "codec/coders/zstd.h"

namespace lorae::codec {
namespace {

template <typename T, auto... kArguments>
constexpr auto kMake = &make_stage<Coder, T, kArguments...>;

constexpr StageEntry<Coder> kCoders[] = {
    {"stored", kMake<Stored>},  {"zstd", kMake<Zstd, 3>},   {"zstd:1", kMake<Zstd, 1>},
    {"zstd:2", kMake<Zstd, 2>}, {"zstd:3", kMake<Zstd, 3>}, {"zstd:4", kMake<Zstd, 4>},
    {"zstd:5", kMake<Zstd, 5>}, {"zstd:6", kMake<Zstd, 6>}, {"zstd:7", kMake<Zstd, 7>},
    {"zstd:8", kMake<Zstd, 8>}, {"zstd:9", kMake<Zstd, 9>},
};

}  // namespace

std::span<const StageEntry<Coder>> coders() {
  return kCoders;
}

}  // namespace lorae::codec
