#include "tests/client/harness.h"

// What a session makes of coordinators of other builds.
namespace lorae::client {
namespace {

using State = SessionState;
using SessionVersions = SessionTest;

/// A message of a kind that this build does not know.
wire::Frame frame_of_kind(std::uint64_t kind) {
  wire::Frame frame{from_hex("94 cd4c52 02 00 05"), bytes_from("a body")};
  frame.head[5] = static_cast<std::byte>(kind);
  return frame;
}

TEST_F(SessionVersions, SaysInItsHelloWhatItCanDo) {
  Session session(memory_, kNonce, {.codecs = "int8,zstd", .rank_max = 8, .own_data = true});

  session.on_connected(now_);

  auto frames = session.take_outgoing();
  ASSERT_EQ(frames.size(), 1U);
  const auto hello = std::get<wire::Hello>(wire::unpack(std::move(frames[0])).value());
  EXPECT_EQ(hello.codecs, "int8,zstd");
  EXPECT_EQ(hello.rank_max, 8U);
  EXPECT_EQ(hello.own_data, 1U);
}

TEST_F(SessionVersions, UnderstandsTheRejectOfACoordinatorOfProtocol1) {
  session_.on_connected(now_);

  session_.on_frame(
      wire::pack_for(1, {.code = wire::RejectCode::kNoCommonVersion, .detail = "update it"}), now_);

  EXPECT_EQ(session_.state(), State::kEnded);
  EXPECT_EQ(session_.end().reason, wire::ByeReason::kStopping);
  EXPECT_EQ(session_.end().detail, "update it");
}

TEST_F(SessionVersions, EndsIfTheCoordinatorSpeaksAnotherVersion) {
  session_.on_connected(now_);
  take();

  session_.on_frame({from_hex("95 cd4c52 03 0a 05 0c"), {}}, now_);

  const std::string why = "the coordinator speaks protocol 3, this client 2; update the older side";
  EXPECT_EQ(session_.state(), State::kEnded);
  EXPECT_EQ(session_.end().reason, wire::ByeReason::kStopping);
  EXPECT_EQ(session_.end().detail, why);
  EXPECT_EQ(session_.take_notes(), std::vector<std::string>{why});
  EXPECT_TRUE(take().empty());
}

TEST_F(SessionVersions, AnswersEachUnknownKindOnceAndGoesOn) {
  join();
  take();

  session_.on_frame(frame_of_kind(0x50), now_);
  const auto reject = take_one<wire::Reject>();
  EXPECT_EQ(reject.session, kSession);
  EXPECT_EQ(reject.code, wire::RejectCode::kUnknownKind);
  EXPECT_EQ(reject.detail, "[wire] message has the unknown kind 80");
  EXPECT_EQ(session_.take_notes(),
            std::vector<std::string>{"the coordinator sent a message of kind 80, which this client "
                                     "does not know; update the client to use it"});

  session_.on_frame(frame_of_kind(0x50), now_);
  EXPECT_TRUE(take().empty());
  EXPECT_TRUE(session_.take_notes().empty());
  session_.on_frame(frame_of_kind(0x51), now_);
  take_one<wire::Reject>();
  EXPECT_EQ(session_.state(), State::kIdle);
}

TEST_F(SessionVersions, AnswersOnlySoManyUnknownKinds) {
  join();
  take();

  for (std::uint64_t kind = 0x40; kind < 0x80; ++kind) {
    session_.on_frame(frame_of_kind(kind), now_);
  }

  EXPECT_EQ(take_all<wire::Reject>().size(), 16U);
  EXPECT_EQ(session_.take_notes().size(), 16U);
}

TEST_F(SessionVersions, TakesAnUnknownKindForASignOfLife) {
  session_.on_connected(now_);
  for (int i = 0; i < 3; ++i) {
    pass(kRetry);
  }
  session_.on_frame(frame_of_kind(0x50), now_);

  pass(kRetry);

  EXPECT_FALSE(session_.take_redial());
}

TEST_F(SessionVersions, SkipsFieldsThatItDoesNotKnow) {
  session_.on_connected(now_);
  wire::Frame frame = wire::pack(welcome());
  frame.head[0] = static_cast<std::byte>(std::to_integer<unsigned>(frame.head[0]) + 2U);
  append(frame.head, from_hex("a3616263 81c0c3"));

  session_.on_frame(std::move(frame), now_);

  EXPECT_EQ(session_.state(), State::kIdle);
}

}  // namespace
}  // namespace lorae::client
