#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>

#include "base/result.h"

namespace lorae {
namespace {

TEST(Error, CarriesItsCodeAndItsMessage) {
  const Error error(ErrorCode::kUnavailable, "[file] disk full");

  EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
  EXPECT_STREQ(error.what(), "[file] disk full");
}

// Golden: sysexits.h.
TEST(Error, EndsTheProgramWithTheStatusOfSysexits) {
  EXPECT_EQ(exit_status(ErrorCode::kInvalidArgument), 70);  // EX_SOFTWARE
  EXPECT_EQ(exit_status(ErrorCode::kInvalidConfig), 78);    // EX_CONFIG
  EXPECT_EQ(exit_status(ErrorCode::kCorruptData), 65);      // EX_DATAERR
  EXPECT_EQ(exit_status(ErrorCode::kIncompatible), 65);     // EX_DATAERR
  EXPECT_EQ(exit_status(ErrorCode::kUnavailable), 69);      // EX_UNAVAILABLE
}

TEST(Check, ThrowsOnlyIfTheConditionDoesNotHold) {
  EXPECT_NO_THROW(check(true, ErrorCode::kInvalidArgument, "never"));

  try {
    check(1 > 2, ErrorCode::kIncompatible, "expected ", 1, ", got ", 2);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIncompatible);
    EXPECT_STREQ(error.what(), "expected 1, got 2");
  }
}

TEST(ErrnoText, NamesTheLastSystemError) {
  errno = ENOSPC;

  EXPECT_EQ(errno_text(), "No space left on device");
}

TEST(Result, HoldsAValue) {
  Result<std::string> result(std::string("abc"));

  EXPECT_TRUE(result.ok());
  EXPECT_TRUE(result);
  EXPECT_EQ(*result, "abc");
  EXPECT_EQ(result->size(), 3U);
}

TEST(Result, ThrowsTheErrorThatItHoldsIfAskedForTheValue) {
  const Result<int> result(Error(ErrorCode::kCorruptData, "cut short"));

  EXPECT_FALSE(result);
  EXPECT_STREQ(result.error().what(), "cut short");
  try {
    static_cast<void>(result.value());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
  }
}

TEST(Result, GivesAwayWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));

  const std::unique_ptr<int> value = *std::move(result);

  EXPECT_EQ(*value, 7);
}

TEST(Error, SaysWhatToDoWhereDescriptorsRanOut) {
  for (const int number : {EMFILE, ENFILE}) {
    errno = number;
    EXPECT_TRUE(errno_text().ends_with("; raise the limit on open files (ulimit -n)"));
  }
  errno = ENOENT;
  EXPECT_EQ(errno_text(), "No such file or directory");
}

}  // namespace
}  // namespace lorae
