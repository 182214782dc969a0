#include <gtest/gtest.h>

#include "base/seed.h"
#include "tests/wire/examples.h"

namespace lorae::wire {
namespace {

const std::string kPrefix = "cd4c52 01";  // magic and version

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
  for (const std::string head : {"ddffffffff", "dcffff", "9f", "dfffffffff", "deffff", "dbffffffff",
                                 "c6ffffffff", "c9ffffffff00", "93cd4c5201ddffffffff"}) {
    const auto message = unpack({from_hex(head), {}});
    ASSERT_FALSE(message) << head;
    EXPECT_EQ(message.error().code(), ErrorCode::kCorruptData);
  }
}

TEST(Unpack, RefusesDeepNesting) {
  const auto message = unpack({Bytes(kMaxHead, std::byte{0x91}), {}});

  EXPECT_FALSE(message);
}

TEST(Unpack, RefusesWhatIsNoArray) {
  EXPECT_EQ(refusal("07"), "[wire] message head of 1 bytes: not an array");
  EXPECT_EQ(reason("c0"), "not an array");
  EXPECT_EQ(reason("a3616461"), "not an array");
  EXPECT_NE(reason("80"), "accepted");
}

TEST(Unpack, RefusesWhatIsTooShortToSayItsKind) {
  EXPECT_EQ(reason("90"), "too short");
  EXPECT_EQ(reason("92" + kPrefix), "too short");
}

TEST(Unpack, RefusesTheMessagesOfOtherProtocols) {
  EXPECT_EQ(refusal("95 cd4c53 01 0a 05 0c"),
            "[wire] message head of 8 bytes: not a LoRAE message");
}

TEST(Unpack, NamesTheVersionsThatDoNotFit) {
  const auto message = unpack({from_hex("95 cd4c52 02 0a 05 0c"), {}});

  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code(), ErrorCode::kIncompatible);
  EXPECT_STREQ(message.error().what(),
               "[wire] message has protocol version 2, this build speaks 1");
}

TEST(Unpack, RefusesUnknownKinds) {
  EXPECT_EQ(reason("93" + kPrefix + "00"), "unknown kind 0");
  EXPECT_EQ(reason("93" + kPrefix + "0d"), "unknown kind 13");
  EXPECT_EQ(reason("93" + kPrefix + "cfffffffffffffffff"), "unknown kind 18446744073709551615");
}

TEST(Unpack, RefusesMissingAndExtraFields) {
  EXPECT_EQ(reason("94" + kPrefix + "0a 05"), "wrong number of fields");
  EXPECT_EQ(reason("96" + kPrefix + "0a 05 0c 00"), "wrong number of fields");
}

TEST(Unpack, RefusesBytesAfterTheMessage) {
  EXPECT_EQ(reason("95" + kPrefix + "0a 05 0c 00"), "bytes after the message");
}

TEST(Unpack, RefusesABodyWhereNoneBelongs) {
  EXPECT_EQ(reason("95" + kPrefix + "0a 05 0c", "body"), "a body where none belongs");
}

TEST(Unpack, RefusesHeadsThatAreTooLong) {
  Bytes head = from_hex("95" + kPrefix + "0a 05 0c");
  head.resize(kMaxHead + 1);

  const auto message = unpack({std::move(head), {}});

  ASSERT_FALSE(message);
  EXPECT_STREQ(message.error().what(), "[wire] message head of 1025 bytes: too long");
}

TEST(Unpack, RefusesTextsThatAreTooLong) {
  std::string head = "96" + kPrefix + "0c 05 0c da01e1";  // a Decline with 481 bytes of text
  for (std::size_t i = 0; i < kMaxText + 1; ++i) {
    head += "78";
  }

  EXPECT_NE(refusal(head), "accepted");
}

TEST(Unpack, TakesIntegersOnlyWhereIntegersBelong) {
  const std::string ack = "95" + kPrefix + "0a 05";
  EXPECT_EQ(reason(ack + "0c"), "accepted");
  for (const std::string other :
       {"ff", "d0ff", "d1ffff", "d2ffffffff", "d3ffffffffffffffff", "c0", "c2", "c3", "ca3f800000",
        "cb3ff0000000000000", "a131", "c40131", "90"}) {
    EXPECT_EQ(reason(ack + other), "expected an unsigned integer") << other;
  }
}

TEST(Unpack, TakesOnlyFiniteDoublesWhereNumbersBelong) {
  const std::string update = "9a" + kPrefix + "06 05 0c" + packed_digest("ab") + "00 03 01";
  EXPECT_EQ(reason(update + "cb3fd0000000000000"), "accepted");
  for (const std::string other : {"cb7ff8000000000000", "cbfff8000000000000", "cb7ff0000000000000",
                                  "cbfff0000000000000", "ca3f800000", "01", "a131", "c0"}) {
    EXPECT_EQ(reason(update + other), "expected a finite number") << other;
  }
}

TEST(Unpack, TakesOnlyTextWhereTextBelongs) {
  const std::string decline = "96" + kPrefix + "0c 05 0c";
  EXPECT_EQ(reason(decline + "a0"), "accepted");
  for (const std::string other : {"c400", "c0", "00", "90"}) {
    EXPECT_EQ(reason(decline + other), "expected text") << other;
  }
}

TEST(Unpack, TakesOnlyDigestsOf32BytesWhereDigestsBelong) {
  const std::string get = "96" + kPrefix + "04 05";
  const std::string short_digest = "c41f" + packed_digest("ab").substr(6);
  EXPECT_EQ(reason(get + packed_digest("ab") + "00"), "accepted");
  for (const std::string& other :
       {short_digest, std::string("c400"), std::string("a0"), std::string("00")}) {
    EXPECT_EQ(reason(get + other + "00"), "expected a digest of 32 bytes") << other;
  }
}

}  // namespace
}  // namespace lorae::wire
