#include "base/ids.h"

#include <gtest/gtest.h>

#include <concepts>
#include <limits>
#include <type_traits>

#include "base/str.h"

namespace lorae {
namespace {

TEST(NumberId, IsNoNumber) {
  static_assert(!std::is_convertible_v<std::uint64_t, RoundId>);
  static_assert(!std::is_convertible_v<RoundId, std::uint64_t>);
  static_assert(!std::equality_comparable_with<RoundId, std::uint64_t>);
  static_assert(std::is_trivially_copyable_v<RoundId>);
  EXPECT_EQ(RoundId{7}.value, 7U);
  EXPECT_EQ(RoundId(), RoundId{0});
  EXPECT_LT(RoundId{2}, RoundId{10});
  EXPECT_EQ(str(RoundId{std::numeric_limits<std::uint64_t>::max()}), "18446744073709551615");
}

TEST(NumberId, IsNoIdOfAnotherKind) {
  static_assert(!std::is_constructible_v<RoundId, SessionId>);
  static_assert(!std::is_assignable_v<RoundId&, SessionId>);
  static_assert(!std::equality_comparable_with<RoundId, SessionId>);
  EXPECT_EQ(str(SessionId{5}), "5");
}

TEST(RoundId, HasANextOne) {
  EXPECT_EQ(RoundId().next(), RoundId{1});
  EXPECT_EQ(RoundId{12}.next(), RoundId{13});
}

}  // namespace
}  // namespace lorae
