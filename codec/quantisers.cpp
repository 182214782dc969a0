// The place "quantiser": one line for each.
#include "codec/each_block.h"
#include "codec/quantisers/bfloat16.h"
#include "codec/quantisers/float16.h"
#include "codec/quantisers/float32.h"
#include "codec/quantisers/int4.h"
#include "codec/quantisers/int8.h"
#include "codec/quantisers/product_step.h"
#include "codec/quantisers/rms_step.h"

namespace lorae::codec {
namespace {

template <typename T, auto... kArguments>
constexpr auto kMake = &make_stage<Quantiser, T, kArguments...>;
template <typename T>
constexpr auto kOfNumber = &make_stage_of_number<Quantiser, T>;

constexpr StageNumber kStep = {"c", 0.001, 1000};
constexpr StageNumber kCoarseness = {"c", 0.001, 1000, false, true};

constexpr StageEntry<Quantiser> kQuantisers[] = {
    {"float32", kMake<EachBlock<Float32>>},
    {"float16", kMake<EachBlock<Float16>>},
    {"bfloat16", kMake<EachBlock<BFloat16>>},
    {"int8", kMake<EachBlock<Int8>, ScalePer::kTensor>},
    {"int8:row", kMake<EachBlock<Int8>, ScalePer::kRow>},
    {"int4", kMake<EachBlock<Int4>>},
    {"int4:row", kMake<EachBlock<Int4>, ScalePer::kRow>},
    {"int4:stochastic", kMake<EachBlock<Int4>, ScalePer::kTensor, Rounding::kStochastic>},
    {"int4:row:stochastic", kMake<EachBlock<Int4>, ScalePer::kRow, Rounding::kStochastic>},
    {"rms_step", kOfNumber<EachBlock<RmsStep>>, kCoarseness},
    {"product_step", kOfNumber<ProductStep>, kStep},
};

}  // namespace

std::span<const StageEntry<Quantiser>> quantisers() {
  return kQuantisers;
}

}  // namespace lorae::codec
