#include "base/in_parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

namespace lorae {
namespace {

TEST(InParallel, CallsEachOnce) {
  std::vector<std::atomic<int>> calls(1000);
  in_parallel(std::ssize(calls), [&](std::int64_t i) { ++calls[std::size_t(i)]; });
  for (const std::atomic<int>& each : calls) {
    EXPECT_EQ(each, 1);
  }
  in_parallel(0, [](std::int64_t) { FAIL() << "there is nothing to call"; });
}

TEST(InParallel, BeginsOnEachThread) {
  thread_local bool begun = false;
  in_parallel(
      100, [](std::int64_t) { EXPECT_TRUE(begun); }, [] { begun = true; });
  EXPECT_FALSE(begun) << "the caller's thread is none of them";
}

TEST(InParallel, ThrowsTheLowestErrorAfterAllWereCalled) {
  std::atomic<int> calls = 0;
  try {
    in_parallel(100, [&](std::int64_t i) {
      ++calls;
      if (i % 10 == 7) {
        throw std::runtime_error(std::to_string(i));
      }
    });
    FAIL() << "no error came";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "7");
  }
  EXPECT_EQ(calls, 100);
}

}  // namespace
}  // namespace lorae
