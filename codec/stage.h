#pragma once

#include <memory>
#include <string_view>

namespace lorae::codec {

/// A line of a place's table: the text of a stage, and what makes it.
template <typename Stage>
struct StageEntry {
  std::string_view name;  ///< all of it: "int8:row"
  std::shared_ptr<const Stage> (*make)();
};

/// Makes a T from arguments that are known when the table is written.
template <typename Stage, typename T, auto... kArguments>
std::shared_ptr<const Stage> make_stage() {
  return std::make_shared<const T>(kArguments...);
}

}  // namespace lorae::codec
