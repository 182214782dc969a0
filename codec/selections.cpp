// The place "selection": one line for each.
#include "codec/selection.h"
#include "codec/selections/segments.h"
#include "codec/selections/top_k.h"

namespace lorae::codec {
namespace {

template <typename T>
constexpr auto kOfNumber = &make_stage_of_number<Selection, T>;

constexpr StageEntry<Selection> kSelections[] = {
    {"top_k", kOfNumber<TopK>, {"density", 1e-6, 1.0}},
    {"segments", kOfNumber<Segments>, {"n", 1, 1000, true}},
};

}  // namespace

std::span<const StageEntry<Selection>> selections() {
  return kSelections;
}

}  // namespace lorae::codec
