#pragma once

#include <string_view>

#include "base/ids.h"

namespace lorae::codec {

/// Where the head starts from class means, the round whose updates are sums over classes ...
inline constexpr RoundId kClassSumsRound{1};
/// ... and the chain by which they travel, whatever that of other rounds: what is a fraction of a
/// change is a wrong mean.
inline constexpr std::string_view kClassSumsUplink = "delta,rms_step:0.125,range";

}  // namespace lorae::codec
