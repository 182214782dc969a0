#pragma once

#include <memory>
#include <string_view>

namespace lorae::codec {

/// The number behind a stage's name, as in "rms_step:1.5".
struct StageNumber {
  std::string_view letter = {};  ///< what stands for it in lists: "c"; empty: there is none
  double least = 0, most = 0;
  bool whole = false;  ///< no fractions
  /// A larger one makes fewer bytes, down to next to none, and decoding does not need it.
  bool coarseness = false;

  bool operator==(const StageNumber&) const = default;
};

/// A line of a place's table: the text of a stage, and what makes it.
template <typename Stage>
struct StageEntry {
  std::string_view name;  ///< all of it: "int8:row"; with a number: what is before its colon
  std::shared_ptr<const Stage> (*make)(double number);
  StageNumber number = {};
};

/// Makes a T from arguments that are known when the table is written.
template <typename Stage, typename T, auto... kArguments>
std::shared_ptr<const Stage> make_stage(double /*number*/) {
  return std::make_shared<const T>(kArguments...);
}

/// Makes a T from the number in the chain.
template <typename Stage, typename T>
std::shared_ptr<const Stage> make_stage_of_number(double number) {
  return std::make_shared<const T>(number);
}

}  // namespace lorae::codec
