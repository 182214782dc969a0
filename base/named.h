#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace lorae {

/// The names of an enum's values in files, tables and messages, in the order of the values, which
/// count from 0. Specialised beside an enum that has names:
///   template <> inline constexpr std::array<std::string_view, 2> kNames<Norm> = {"frozen",
///   "affine"};
template <typename Enum>
inline constexpr std::array<std::string_view, 0> kNames = {};

/// Names that values had in older files, in the order of the values; still read.
template <typename Enum>
inline constexpr std::array<std::string_view, 0> kOldNames = {};

template <typename Enum>
concept Named = std::is_enum_v<Enum> &&(kNames<Enum>.size() > 0);

template <Named Enum>
constexpr std::string_view name_of(Enum value) {
  return kNames<Enum>.at(static_cast<std::size_t>(value));
}

/// The value of that name, if there is one.
template <Named Enum>
constexpr std::optional<Enum> named(std::string_view name) {
  for (std::size_t i = 0; i < kNames<Enum>.size(); ++i) {
    if (kNames<Enum>[i] == name) {
      return static_cast<Enum>(i);
    }
  }
  for (std::size_t i = 0; i < kOldNames<Enum>.size(); ++i) {
    if (kOldNames<Enum>[i] == name) {
      return static_cast<Enum>(i);
    }
  }
  return std::nullopt;
}

}  // namespace lorae
