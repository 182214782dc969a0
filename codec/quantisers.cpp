// The place "quantiser": one line for each.
#include "codec/each_block.h"
#include "codec/quantisers/float16.h"
#include "codec/quantisers/float32.h"
#include "codec/quantisers/int8.h"

namespace lorae::codec {
namespace {

template <typename T, auto... kArguments>
constexpr auto kMake = &make_stage<Quantiser, T, kArguments...>;

constexpr StageEntry<Quantiser> kQuantisers[] = {
    {"float32", kMake<EachBlock<Float32>>},
    {"float16", kMake<EachBlock<Float16>>},
    {"int8", kMake<EachBlock<Int8>, ScalePer::kTensor>},
    {"int8:row", kMake<EachBlock<Int8>, ScalePer::kRow>},
};

}  // namespace

std::span<const StageEntry<Quantiser>> quantisers() {
  return kQuantisers;
}

}  // namespace lorae::codec
