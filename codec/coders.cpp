// The place "coder": one line for each.
#include "codec/coder.h"
#include "codec/coders/range.h"
#include "codec/coders/stored.h"
#include "codec/coders/zstd.h"

namespace lorae::codec {
namespace {

template <typename T, auto... kArguments>
constexpr auto kMake = &make_stage<Coder, T, kArguments...>;

constexpr StageEntry<Coder> kCoders[] = {
    {"stored", kMake<EachLayer<Stored>>},
    {"zstd", kMake<EachLayer<Zstd>, 3>},
    {"zstd:1", kMake<EachLayer<Zstd>, 1>},
    {"zstd:2", kMake<EachLayer<Zstd>, 2>},
    {"zstd:3", kMake<EachLayer<Zstd>, 3>},
    {"zstd:4", kMake<EachLayer<Zstd>, 4>},
    {"zstd:5", kMake<EachLayer<Zstd>, 5>},
    {"zstd:6", kMake<EachLayer<Zstd>, 6>},
    {"zstd:7", kMake<EachLayer<Zstd>, 7>},
    {"zstd:8", kMake<EachLayer<Zstd>, 8>},
    {"zstd:9", kMake<EachLayer<Zstd>, 9>},
    {"range", kMake<Range>},
};

}  // namespace

std::span<const StageEntry<Coder>> coders() {
  return kCoders;
}

}  // namespace lorae::codec
