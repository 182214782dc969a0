#include <gtest/gtest.h>

#include "base/seed.h"
#include "tests/wire/examples.h"

namespace lorae::wire {
namespace {

const std::string kHead = "cd4c52 02";  // magic and version

/// The refusal of a head written in hexadecimal; "accepted" if there is none.
std::string refusal(const std::string& head, const std::string& body = {}) {
  const auto message = unpack({from_hex(head), bytes_from(body)});
  return message ? "accepted" : message.error().what();
}

/// What follows "[wire] message head of N bytes: ".
std::string reason(const std::string& head, const std::string& body = {}) {
  const std::string text = refusal(head, body);
  const std::size_t colon = text.find(": ");
  return colon == std::string::npos ? text : text.substr(colon + 2);
}

/// Reads bytes that may be anything; what is accepted must survive being written again.
void expect_no_crash(const Frame& frame) {
  const auto message = unpack(frame);
  if (message) {
    const auto again = unpack(pack(*message));
    EXPECT_TRUE(again) << to_hex(frame.head);
  } else {
    EXPECT_TRUE(message.error().code() == ErrorCode::kCorruptData ||
                message.error().code() == ErrorCode::kIncompatible);
  }
}

TEST(Unpack, RefusesEveryTruncationOfEveryMessage) {
  for (const Example& example : examples()) {
    const Frame whole = frame_of(example);
    for (std::size_t size = 0; size < whole.head.size(); ++size) {
      const auto message = unpack({first(whole.head, size), whole.body});
      ASSERT_FALSE(message) << example.head << " at " << size;
      EXPECT_EQ(message.error().code(), ErrorCode::kCorruptData);
    }
  }
}

TEST(Unpack, SurvivesEveryFlippedBitOfEveryMessage) {
  for (const Example& example : examples()) {
    const Frame whole = frame_of(example);
    for (std::size_t byte = 0; byte < whole.head.size(); ++byte) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        expect_no_crash({flipped(whole.head, byte, bit), whole.body});
      }
    }
  }
}

TEST(Unpack, SurvivesEveryValueOfEveryByte) {
  for (const Example& example : examples()) {
    const Frame whole = frame_of(example);
    for (std::size_t byte = 0; byte < whole.head.size(); ++byte) {
      for (int value = 0; value < 256; ++value) {
        Bytes head = whole.head;
        head[byte] = static_cast<std::byte>(value);
        expect_no_crash({std::move(head), {}});
      }
    }
  }
}

TEST(Unpack, SurvivesRandomBytes) {
  Random random(1);
  for (int trial = 0; trial < 20000; ++trial) {
    Bytes head(random.below(64));
    for (std::byte& byte : head) {
      byte = static_cast<std::byte>(random.below(256));
    }
    expect_no_crash({std::move(head), {}});
  }
}

TEST(Unpack, RefusesCountsThatTheBytesCannotHold) {
  for (const std::string head :
       {"ddffffffff", "dcffff", "9f", "dfffffffff", "deffff", "dbffffffff", "c6ffffffff",
        "c9ffffffff00", "93cd4c5202ddffffffff", "96cd4c52020a050cdd7fffffff",
        "96cd4c52020a050cdf7fffffff", "96cd4c52020a050cdf80000000", "96cd4c52020a050cde0fff",
        "96cd4c52020a050cdbffffffff", "96cd4c52020a050cc9ffffffff01"}) {
    const auto message = unpack({from_hex(head), {}});
    ASSERT_FALSE(message) << head;
    EXPECT_EQ(message.error().code(), ErrorCode::kCorruptData);
  }
}

TEST(Unpack, CountsTheElementsOfAllArraysAndMapsTogether) {
  std::string nested = "96" + kHead + "0a 05 0c";
  for (int depth = 0; depth < 6; ++depth) {
    nested += "dc07ff";  // each of them alone would fit a head of 4096 bytes
  }
  for (int i = 0; i < 2048; ++i) {
    nested += "c0";
  }

  EXPECT_EQ(reason(nested), "more elements than bytes");
}

TEST(Unpack, SkipsTheLargestMapThatAHeadCanHold) {
  std::string head = "96" + kHead + "0a 05 0c de07f6";  // 2038 pairs: 4086 bytes in all
  for (int i = 0; i < 2038; ++i) {
    head += "c0 01";
  }

  EXPECT_EQ(reason(head), "accepted");
  EXPECT_NE(reason(head + "c0"), "accepted");
}

TEST(Unpack, RefusesDeepNesting) {
  const std::string skipped = "96" + kHead + "0a 05 0c";  // an ack and one field more
  EXPECT_EQ(reason(skipped + "91919191919190"), "accepted");
  EXPECT_EQ(reason(skipped + "81c0 81c0 81c0 81c0 81c0 81c0 80"), "accepted");
  EXPECT_EQ(reason(skipped + "9191919191919190"), "depth size overflow");
  EXPECT_EQ(reason(skipped + "81c0 81c0 81c0 81c0 81c0 81c0 81c0 80"), "depth size overflow");
  EXPECT_FALSE(unpack({Bytes(kMaxHead, std::byte{0x91}), {}}));
  EXPECT_FALSE(unpack({Bytes(kMaxHead, std::byte{0x81}), {}}));
}

TEST(Unpack, RefusesWhatIsNoArray) {
  EXPECT_EQ(refusal("07"), "[wire] message head of 1 bytes: not an array");
  EXPECT_EQ(reason("c0"), "not an array");
  EXPECT_EQ(reason("a3616461"), "not an array");
  EXPECT_NE(reason("80"), "accepted");
}

TEST(Unpack, RefusesWhatIsTooShortToSayItsKind) {
  EXPECT_EQ(reason("90"), "too short");
  EXPECT_EQ(reason("92" + kHead), "too short");
}

TEST(Unpack, RefusesTheMessagesOfOtherProtocols) {
  EXPECT_EQ(refusal("95 cd4c53 01 0a 05 0c"),
            "[wire] message head of 8 bytes: not a LoRAE message");
}

TEST(Unpack, NamesTheVersionsThatDoNotFit) {
  const auto message = unpack({from_hex("95 cd4c52 03 0a 05 0c"), {}});

  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().why(), Unreadable::Why::kOtherVersion);
  EXPECT_EQ(message.error().version(), 3U);
  EXPECT_EQ(message.error().code(), ErrorCode::kIncompatible);
  EXPECT_STREQ(message.error().what(),
               "[wire] message has protocol version 3, this build speaks 2");
}

TEST(Unpack, TellsUnknownKindsFromMalformedBytes) {
  for (const auto& [head, kind] :
       {std::pair{"93" + kHead + "00", 0ULL}, std::pair{"93" + kHead + "63", 99ULL},
        std::pair{"96" + kHead + "63 05 a0 81c090", 99ULL},
        std::pair{"93" + kHead + "cfffffffffffffffff", ~0ULL}}) {
    const auto message = unpack({from_hex(head), bytes_from("a body")});

    ASSERT_FALSE(message) << head;
    EXPECT_EQ(message.error().why(), Unreadable::Why::kUnknownKind);
    EXPECT_EQ(message.error().kind(), kind);
    EXPECT_EQ(message.error().version(), kVersion);
    EXPECT_EQ(message.error().code(), ErrorCode::kIncompatible);
    EXPECT_EQ(message.error().what(), str("[wire] message has the unknown kind ", kind));
  }
}

TEST(Unpack, SaysThatMalformedBytesAreMalformed) {
  for (const std::string& head : {std::string(), std::string("07"), "93" + kHead + "a131",
                                  std::string("93 cd4c52 a0 0a"), "95" + kHead + "0a 05 a0"}) {
    const auto message = unpack({from_hex(head), {}});

    ASSERT_FALSE(message) << head;
    EXPECT_EQ(message.error().why(), Unreadable::Why::kMalformed);
    EXPECT_EQ(message.error().version(), kVersion);
    EXPECT_EQ(message.error().code(), ErrorCode::kCorruptData);
  }
}

TEST(Unpack, RefusesBytesAfterTheMessage) {
  EXPECT_EQ(reason("95" + kHead + "0a 05 0c 00"), "bytes after the message");
}

TEST(Unpack, RefusesABodyWhereNoneBelongs) {
  EXPECT_EQ(reason("95" + kHead + "0a 05 0c", "body"), "a body where none belongs");
}

TEST(Unpack, RefusesHeadsThatAreTooLong) {
  Bytes head = from_hex("95" + kHead + "0a 05 0c");
  head.resize(kMaxHead + 1);

  const auto message = unpack({std::move(head), {}});

  ASSERT_FALSE(message);
  EXPECT_STREQ(message.error().what(), "[wire] message head of 4097 bytes: too long");
}

TEST(Unpack, RefusesTextsThatAreTooLong) {
  std::string head = "96" + kHead + "0c 05 0c da01e1";  // a Decline with 481 bytes of text
  for (std::size_t i = 0; i < kMaxText + 1; ++i) {
    head += "78";
  }

  EXPECT_NE(refusal(head), "accepted");
}

TEST(Unpack, TakesIntegersOnlyWhereIntegersBelong) {
  const std::string ack = "95" + kHead + "0a 05";
  EXPECT_EQ(reason(ack + "0c"), "accepted");
  for (const std::string other :
       {"ff", "d0ff", "d1ffff", "d2ffffffff", "d3ffffffffffffffff", "c0", "c2", "c3", "ca3f800000",
        "cb3ff0000000000000", "a131", "c40131", "90"}) {
    EXPECT_EQ(reason(ack + other), "expected an unsigned integer") << other;
  }
}

TEST(Unpack, TakesOnlyFiniteDoublesWhereNumbersBelong) {
  const std::string assignment =
      "9d" + kHead + "03 05 0c" + packed_digest("ab") + "01" + packed_digest("cd") + "01 00 01";
  EXPECT_EQ(reason(assignment + "cb3fd0000000000000 00"), "accepted");
  for (const std::string other : {"cb7ff8000000000000", "cbfff8000000000000", "cb7ff0000000000000",
                                  "cbfff0000000000000", "ca3f800000", "01", "a131", "c0"}) {
    EXPECT_EQ(reason(assignment + other + "00"), "expected a finite number") << other;
  }
}

/// What becomes of an Update with these metrics, in hexadecimal.
std::string metrics_reason(const std::string& metrics) {
  return reason("9a" + kHead + "06 05 0c" + packed_digest("ab") + "00 03 01" + metrics);
}

TEST(Unpack, TakesOnlyMapsOfMetricsWhereMetricsBelong) {
  EXPECT_EQ(metrics_reason("80"), "accepted");
  EXPECT_EQ(metrics_reason("81 a161 cb3fd0000000000000"), "accepted");
  EXPECT_EQ(metrics_reason("de0001 a161 cb3fd0000000000000"), "accepted");
  for (const std::string other : {"c0", "90", "cb3fd0000000000000", "a0", "00"}) {
    EXPECT_EQ(metrics_reason(other), "expected a map of at most 32 metrics") << other;
  }
}

TEST(Unpack, TakesOnlyFiniteDoublesAsMetrics) {
  for (const std::string other :
       {"cb7ff8000000000000", "cb7ff0000000000000", "ca3f800000", "01", "a131", "c0", "80"}) {
    EXPECT_EQ(metrics_reason("81 a161" + other), "expected a finite number") << other;
  }
}

TEST(Unpack, TakesOnlyPrintableNamesOfMetricsEachOnce) {
  const std::string one = "cb3ff0000000000000";
  const std::string why = "expected metric names of 1 to 64 printable characters, each once";
  std::string longest = "d940";
  std::string too_long = "d941 78";
  for (std::size_t i = 0; i < kMaxMetricName; ++i) {
    longest += "78";
    too_long += "78";
  }
  EXPECT_EQ(metrics_reason("81" + longest + one), "accepted");
  EXPECT_EQ(metrics_reason("81" + too_long + one), why);
  EXPECT_EQ(metrics_reason("81 a0" + one), why);
  EXPECT_EQ(metrics_reason("81 a10a" + one), why);
  EXPECT_EQ(metrics_reason("81 a2c3a9" + one), why);
  EXPECT_EQ(metrics_reason("82 a161" + one + "a161" + one), why);
  for (const std::string other : {"01", "c0", "c40161", "90"}) {
    EXPECT_EQ(metrics_reason("81" + other + one), "expected text of at most 480 bytes") << other;
  }
}

TEST(Unpack, TakesAtMost32Metrics) {
  const auto metrics = [](int count) {
    std::string hex = str("de00", to_hex(Bytes{static_cast<std::byte>(count)}));
    for (int i = 0; i < count; ++i) {
      hex += "a1" + to_hex(Bytes{static_cast<std::byte>('A' + i)}) + "cb3ff0000000000000";
    }
    return hex;
  };
  EXPECT_EQ(metrics_reason(metrics(32)), "accepted");
  EXPECT_EQ(metrics_reason(metrics(33)), "expected a map of at most 32 metrics");
}

TEST(Unpack, TakesOnlyTextWhereTextBelongs) {
  const std::string decline = "96" + kHead + "0c 05 0c";
  EXPECT_EQ(reason(decline + "a0"), "accepted");
  for (const std::string other : {"c400", "c0", "00", "90"}) {
    EXPECT_EQ(reason(decline + other), "expected text of at most 480 bytes") << other;
  }
}

TEST(Unpack, TakesOnlyDigestsOf32BytesWhereDigestsBelong) {
  const std::string get = "96" + kHead + "04 05";
  const std::string short_digest = "c41f" + packed_digest("ab").substr(6);
  EXPECT_EQ(reason(get + packed_digest("ab") + "00"), "accepted");
  for (const std::string& other :
       {short_digest, std::string("c400"), std::string("a0"), std::string("00")}) {
    EXPECT_EQ(reason(get + other + "00"), "expected a digest of 32 bytes") << other;
  }
}

}  // namespace
}  // namespace lorae::wire
