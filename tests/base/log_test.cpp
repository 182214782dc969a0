#include "base/log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "base/ids.h"

namespace lorae {
namespace {

using nlohmann::json;

/// What `body` logs in `format`.
template <typename Body>
std::string logged(LogFormat format, Body&& body) {
  testing::internal::CaptureStderr();
  set_log_format(format);
  body();
  set_log_format(LogFormat::kText);
  return testing::internal::GetCapturedStderr();
}

const auto kEvent = [] {
  log_warning("client.denied", "client=", ClientId{"7"}, " round=", RoundId{3}, " seconds=", 0.5,
              " images=", std::size_t{40}, " has no key; file=", std::string("/a b"), " of two");
};

TEST(Log, IsALineWithADateForPeople) {
  const std::string line = logged(LogFormat::kText, kEvent);
  EXPECT_TRUE(std::regex_match(
      line,
      std::regex("\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3} "
                 "(\x1b\\[[0-9;]*m)?warning(\x1b\\[[0-9;]*m)? client\\.denied client=7 round=3 "
                 "seconds=0\\.5 images=40 has no key; file=/a b of two\n")))
      << line;
}

TEST(Log, IsAnObjectOfTypedFieldsForMachines) {
  const std::string text = logged(LogFormat::kJson, kEvent);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  const json line = json::parse(text);
  EXPECT_TRUE(std::regex_match(
      line.at("time").get<std::string>(),
      std::regex("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}[+-]\\d\\d:\\d\\d")))
      << text;
  EXPECT_EQ(line.at("level"), "warning");
  EXPECT_EQ(line.at("event"), "client.denied");
  EXPECT_EQ(
      line.at("fields"),
      json({{"client", "7"}, {"round", 3}, {"seconds", 0.5}, {"images", 40}, {"file", "/a b"}}));
  EXPECT_EQ(line.at("message"), "has no key; of two");
}

TEST(Log, LeavesOutWordsWhereThereAreNone) {
  const json line =
      json::parse(logged(LogFormat::kJson, [] { log_info("registry.loaded", "clients=", 3); }));
  EXPECT_EQ(line.at("fields"), json({{"clients", 3}}));
  EXPECT_FALSE(line.contains("message"));
}

TEST(Log, TakesWordsOfOthersAsTheyAre) {
  const std::string foreign = "a=b=\n\xff \x1b[31m ends with x=";
  const json line = json::parse(
      logged(LogFormat::kJson, [&] { log_info("client.left", "client=", "ada", ' ', foreign); }));
  EXPECT_EQ(line.at("fields"), json({{"client", "ada"}}));
  EXPECT_NE(line.at("message").get<std::string>().find("a=b="), std::string::npos);
  EXPECT_EQ(logged(LogFormat::kText, [&] { log_info("client.left", foreign); }).find('\x1b'),
            std::string::npos);
}

TEST(Log, HidesWhatIsBelowItsLevelInEveryFormat) {
  EXPECT_EQ(logged(LogFormat::kJson, [] { log_debug("a.b", "x=", 1); }), "");
}

TEST(LogDetails, ReadAsTextWhatStrWouldMake) {
  const LogDetails details = log_details("client=", "ada", " round=", 3, " why: ", "no=", 4);
  EXPECT_EQ(details.text(), str("client=", "ada", " round=", 3, " why: ", "no=", 4));
  EXPECT_EQ(details.words(), "why:");
}

}  // namespace
}  // namespace lorae
