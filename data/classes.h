#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lorae::data {

/// Own names of classes to the names that a run has for them.
using ClassMap = std::map<std::string, std::string>;

/// "tabby=cat, doggo=dog". Errors: kInvalidConfig for any other text.
ClassMap parse_class_map(std::string_view text);

/// The run's label of each of one's own classes: by name, whatever their order, and whatever the
/// case of letters where that leaves no doubt. `map` goes first.
/// Shape: one entry per entry of `own`, in [0, known.size()).
/// Errors: kInvalidConfig for a name that the run does not have: both lists, and the nearest name;
///         for an entry of `map` that names no class of one's own, or none of the run's.
std::vector<std::int64_t> match_classes(const std::vector<std::string>& own,
                                        const std::vector<std::string>& known,
                                        const ClassMap& map);

}  // namespace lorae::data
