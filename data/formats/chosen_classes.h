#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"

namespace lorae::data {

/// The pictures that show something of the classes called `names`, and of what they show that
/// alone. Labels keep their numbers, and classes() all names. No names: the set as it is. Errors:
/// kInvalidConfig for a name that the set has not, listing them; for masks, whose other classes
/// cannot be told from the background; if no picture is left.
DatasetPtr showing(DatasetPtr from, const std::vector<std::string>& names);

}  // namespace lorae::data
