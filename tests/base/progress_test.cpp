#include "base/progress.h"

#include <gtest/gtest.h>

#include "base/log.h"

namespace lorae {
namespace {

TEST(HumanSeconds, HasTheUnitsThatPeopleUse) {
  EXPECT_EQ(human_seconds(0), "0.0 s");
  EXPECT_EQ(human_seconds(1.4), "1.4 s");
  EXPECT_EQ(human_seconds(9.94), "9.9 s");
  EXPECT_EQ(human_seconds(12.3), "12 s");
  EXPECT_EQ(human_seconds(60), "1 min 0 s");
  EXPECT_EQ(human_seconds(119.7), "2 min 0 s");
  EXPECT_EQ(human_seconds(200), "3 min 20 s");
  EXPECT_EQ(human_seconds(3600), "1 h 0 min");
  EXPECT_EQ(human_seconds(7500), "2 h 5 min");
  EXPECT_EQ(human_seconds(90000), "25 h 0 min");
}

TEST(Progress, WritesAPlainLineAtTheEndWithoutATerminal) {
  testing::internal::CaptureStderr();
  {
    Progress progress("train", 4, "images");
    progress.add(2);
    progress.finish("loss 0.5");
  }
  const std::string text = testing::internal::GetCapturedStderr();

  EXPECT_TRUE(text.starts_with("train 4/4 images, ")) << text;
  EXPECT_TRUE(text.ends_with(", loss 0.5\n")) << text;
}

TEST(Progress, WritesNothingForAQuickStep) {
  testing::internal::CaptureStderr();
  {
    Progress progress("train", 0, "images");
    progress.add(1000);
  }

  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Log, WritesTheEventAndItsDetailsAndHidesWhatIsBelowTheLevel) {
  testing::internal::CaptureStderr();
  log_info("round.complete", "round=", 12);
  log_debug("round.detail", "hidden");
  set_log_level(LogLevel::kWarning);
  log_info("round.complete", "round=", 13);
  log_warning("client.denied", "key={} %s");
  set_log_level(LogLevel::kInfo);
  const std::string text = testing::internal::GetCapturedStderr();

  EXPECT_NE(text.find(" info round.complete round=12\n"), std::string::npos) << text;
  EXPECT_NE(text.find(" warning client.denied key={} %s\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("hidden"), std::string::npos) << text;
  EXPECT_EQ(text.find("round=13"), std::string::npos) << text;
}

}  // namespace
}  // namespace lorae
