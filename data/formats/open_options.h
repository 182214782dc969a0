#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/named.h"
#include "data/halves.h"

namespace lorae::data {

/// What becomes of pictures that cannot be decoded, and of labels that make no sense: an error, or
/// the others go on without them.
enum class Damaged { kRefuse, kSkip };

/// Which halves GlobalWheat2020 is read in.
enum class Halves {
  kHonest,  ///< tested on ethz_1, which is not trained on
  kPaper,   ///< tested on ethz_1, which is trained on, too: as the paper and its reference do
};

struct OpenOptions {
  Holding holding = Holding::kWhole;
  Damaged damaged = Damaged::kRefuse;
  Halves halves = Halves::kHonest;
  std::vector<std::string> names = {};  ///< of the classes, where the set does not say them
};

}  // namespace lorae::data

namespace lorae {
template <>
inline constexpr std::array<std::string_view, 2> kNames<data::Damaged> = {"refuse", "skip"};
template <>
inline constexpr std::array<std::string_view, 2> kNames<data::Halves> = {"honest", "paper"};
}  // namespace lorae
