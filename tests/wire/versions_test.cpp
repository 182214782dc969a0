#include <gtest/gtest.h>

#include "tests/wire/examples.h"

// What sides of different protocol versions understand of each other.
namespace lorae::wire {
namespace {

/// The bytes that builds of protocol 1 send and read, taken from their tests. They read no other:
/// not one field more, not one element behind the sixteenth, not one byte behind 1024.
struct Protocol1 {
  static inline const std::string kHello = "97 cd4c52 01 01 07 01 01 a474657374";
  static inline const std::string kWelcome =
      "9a cd4c52 01 02 05 07 a27231 a3616461 ce00040000 02 cd2710";
  static inline const std::string kUpdate =
      "9a cd4c52 01 06 05 0c" + packed_digest("ab") + "00 03 cd0258 cb3fd0000000000000";
  static inline const std::string kVerdict = "98 cd4c52 01 07 05 0c 02 03 a26f6b";
  static inline const std::string kReject = "96 cd4c52 01 08 05 cd0191 a377686f";
  static inline const std::string kBye = "96 cd4c52 01 0b 05 01 a4646f6e65";
};

std::optional<Unreadable> refusal(const std::string& head, const std::string& body = {}) {
  const auto message = unpack({from_hex(head), bytes_from(body)});
  return message ? std::nullopt : std::optional(message.error());
}

Reject read_reject(const std::string& head) {
  const auto message = unpack({from_hex(head), {}});
  EXPECT_TRUE(message) << message.error().what();
  return message ? std::get<Reject>(*message) : Reject{};
}

TEST(Versions, RecogniseTheMessagesOfProtocol1) {
  for (const std::string& head : {Protocol1::kHello, Protocol1::kWelcome, Protocol1::kUpdate,
                                  Protocol1::kVerdict, Protocol1::kBye}) {
    const auto error = refusal(head, "a body");

    ASSERT_TRUE(error) << head;
    EXPECT_EQ(error->why(), Unreadable::Why::kOtherVersion);
    EXPECT_EQ(error->version(), 1U);
  }
}

TEST(Versions, ReadTheRejectOfProtocol1) {
  const Reject reject = read_reject(Protocol1::kReject);

  EXPECT_EQ(reject.session, SessionId{5});
  EXPECT_EQ(reject.code, RejectCode::kUnknownSession);
  EXPECT_EQ(reject.detail, "who");
}

TEST(Versions, ReadTheRejectsOfVersionsToComeWithTheirFields) {
  for (const std::string version : {"03", "cd0100", "cfffffffffffffffff"}) {
    const Reject reject =
        read_reject("98 cd4c52" + version + "08 05 cd01aa a377686f 81c0 91c3 d40511");

    EXPECT_EQ(reject.session, SessionId{5});
    EXPECT_EQ(reject.code, RejectCode::kNoCommonVersion);
    EXPECT_EQ(reject.detail, "who");
  }
}

TEST(Versions, ReadNothingOfVersion0) {
  const auto error = refusal("96 cd4c52 00 08 05 cd0191 a377686f");

  ASSERT_TRUE(error);
  EXPECT_EQ(error->why(), Unreadable::Why::kOtherVersion);
  EXPECT_EQ(error->version(), 0U);
}

TEST(Versions, TakeRejectsOfOtherFieldsForAnyOtherMessage) {
  for (const std::string head : {"95 cd4c52 03 08 05 cd0191", "96 cd4c52 03 08 05 a0 a377686f",
                                 "96 cd4c52 03 08 05 cd0191 01", "93 cd4c52 03 a131"}) {
    const auto error = refusal(head);

    ASSERT_TRUE(error) << head;
    EXPECT_EQ(error->why(), Unreadable::Why::kOtherVersion) << head;
    EXPECT_EQ(error->version(), 3U);
  }
}

TEST(Versions, AnswerProtocol1InItsOwnBytes) {
  const Frame frame = pack_for(
      1, Reject{.session = SessionId{5}, .code = RejectCode::kUnknownSession, .detail = "who"});

  EXPECT_EQ(to_hex(frame.head), to_hex(from_hex(Protocol1::kReject)));
  EXPECT_TRUE(frame.body.empty());
}

TEST(Versions, AnswerProtocol1WithinItsLimits) {
  const Frame frame = pack_for(1, Reject{.session = SessionId{~std::uint64_t{0}},
                                         .code = RejectCode::kNoCommonVersion,
                                         .detail = std::string(1000, 'x')});

  EXPECT_LE(frame.head.size(), 1024U);
  EXPECT_EQ(to_hex(frame.head).substr(0, 12), "96cd4c520108");
  EXPECT_EQ(std::get<Reject>(unpack(frame).value()).detail, std::string(480, 'x'));
}

TEST(Versions, AnswerEachInItsOwn) {
  for (const std::uint64_t version :
       {std::uint64_t{1}, kVersion, std::uint64_t{3}, std::uint64_t{1000}, ~std::uint64_t{0}}) {
    const auto message =
        unpack(pack_for(version, Reject{.code = RejectCode::kNoCommonVersion, .detail = "old"}));

    ASSERT_TRUE(message) << version;
    EXPECT_EQ(std::get<Reject>(*message).code, RejectCode::kNoCommonVersion);
    EXPECT_EQ(std::get<Reject>(*message).detail, "old");
  }
  const Reject reject{.session = SessionId{5}, .detail = "as always"};
  EXPECT_EQ(pack_for(kVersion, reject), pack(reject));
}

}  // namespace
}  // namespace lorae::wire
