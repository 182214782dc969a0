#include "tests/client/harness.h"

namespace lorae::client {
namespace {

using std::chrono::seconds;
using State = SessionState;
using SessionJoin = SessionTest;

TEST_F(SessionJoin, SaysNothingBeforeItIsConnected) {
  pass(seconds(100));

  EXPECT_EQ(session_.state(), State::kOffline);
  EXPECT_TRUE(take().empty());
}

TEST_F(SessionJoin, SaysHelloWhenConnected) {
  session_.on_connected(now_);

  const auto hello = take_one<wire::Hello>();
  EXPECT_EQ(hello.nonce, kNonce);
  EXPECT_EQ(hello.min_version, wire::kVersion);
  EXPECT_EQ(hello.max_version, wire::kVersion);
  EXPECT_EQ(hello.software, "test");
  EXPECT_EQ(hello.codecs, "");
  EXPECT_EQ(hello.rank_max, 0U);
  EXPECT_EQ(hello.held_run, "");
  EXPECT_EQ(hello.held_version, RoundId{0});
  EXPECT_EQ(hello.own_data, 0U);
  EXPECT_EQ(session_.state(), State::kJoining);
}

TEST_F(SessionJoin, IsIdleWhenWelcome) {
  session_.on_connected(now_);

  hear(welcome());

  EXPECT_EQ(session_.state(), State::kIdle);
}

TEST_F(SessionJoin, IgnoresTheWelcomeOfAnotherHello) {
  session_.on_connected(now_);
  auto foreign = welcome();
  foreign.nonce = kNonce + 1;

  hear(foreign);

  EXPECT_EQ(session_.state(), State::kJoining);
}

TEST_F(SessionJoin, IgnoresAWelcomeThatItCannotWorkWith) {
  session_.on_connected(now_);
  for (auto field :
       {&wire::Welcome::chunk_bytes, &wire::Welcome::window, &wire::Welcome::heartbeat_ms}) {
    auto zero = welcome();
    zero.*field = 0;
    hear(zero);
    EXPECT_EQ(session_.state(), State::kJoining);
  }
}

TEST_F(SessionJoin, SaysTheSameHelloAgainAfterSilence) {
  session_.on_connected(now_);
  take();

  pass(kRetry - seconds(1));
  EXPECT_TRUE(take().empty());
  pass(seconds(1));
  EXPECT_EQ(take_one<wire::Hello>().nonce, kNonce);
}

TEST_F(SessionJoin, AsksForAFreshConnectionOnceAfterFourSilentRetries) {
  session_.on_connected(now_);
  for (const int times : {1, 2, 4}) {
    pass(times * kRetry);
    EXPECT_FALSE(session_.take_redial());
  }

  pass(8 * kRetry);

  EXPECT_TRUE(session_.take_redial());
  EXPECT_FALSE(session_.take_redial());
}

TEST_F(SessionJoin, SaysHelloRarelyToACoordinatorThatAnswersNobodyForLong) {
  int hellos = 0;
  const TimePoint start = now_;
  session_.on_connected(now_);
  while (now_ < start + seconds(540)) {  // a backbone's training
    pass(seconds(1));
    hellos += static_cast<int>(take().size());
    if (session_.take_redial()) {
      session_.on_disconnected();
      session_.on_connected(now_);
    }
  }

  EXPECT_LE(hellos, 15);
  const std::vector<std::string> notes = session_.take_notes();
  ASSERT_EQ(notes.size(), 1U) << "told once";
  EXPECT_NE(notes[0].find("does not answer yet"), std::string::npos) << notes[0];

  hear(welcome());
  session_.on_disconnected();
  session_.on_connected(now_);
  take();
  pass(kRetry);
  EXPECT_EQ(take().size(), 1U) << "patience begins anew with a coordinator that answered";
}

TEST_F(SessionJoin, AsksForAFreshConnectionIfItsHeartbeatsStayUnanswered) {
  join();
  for (int i = 0; i < 3; ++i) {
    pass(kHeartbeat);
    EXPECT_FALSE(session_.take_redial());
  }

  pass(kHeartbeat);

  EXPECT_TRUE(session_.take_redial());
}

TEST_F(SessionJoin, AsksForNoFreshConnectionWhileThePeerAnswers) {
  session_.on_connected(now_);
  pass(kRetry);
  pass(kRetry);
  hear(welcome());

  pass(kHeartbeat);

  EXPECT_FALSE(session_.take_redial());
}

TEST_F(SessionJoin, SaysHelloWithTheSameNonceAfterALostConnection) {
  join();

  session_.on_disconnected();
  EXPECT_EQ(session_.state(), State::kOffline);
  pass(seconds(100));
  EXPECT_TRUE(take().empty());

  session_.on_connected(now_);
  EXPECT_EQ(take_one<wire::Hello>().nonce, kNonce);
}

TEST_F(SessionJoin, SendsHeartbeatsAsOftenAsTheCoordinatorWants) {
  join();

  pass(kHeartbeat - seconds(1));
  EXPECT_TRUE(take().empty());
  pass(seconds(1));
  const auto beat = take_one<wire::Heartbeat>();
  EXPECT_EQ(beat.session, kSession);
  EXPECT_EQ(beat.state, wire::ClientState::kIdle);
  hear(wire::HeartbeatAck{.session = kSession});
  pass(kHeartbeat);
  take_one<wire::Heartbeat>();
}

TEST_F(SessionJoin, SaysInItsHeartbeatsThatItTrains) {
  train(1);

  pass(kHeartbeat);

  const auto beat = take_one<wire::Heartbeat>();
  EXPECT_EQ(beat.state, wire::ClientState::kTraining);
  EXPECT_EQ(beat.round, RoundId{1});
}

TEST_F(SessionJoin, SaysHelloWithAnotherNonceIfItsSessionIsUnknown) {
  join();

  hear(wire::Reject{.session = kSession, .code = wire::RejectCode::kUnknownSession});

  const auto hello = take_one<wire::Hello>();
  EXPECT_NE(hello.nonce, kNonce);
  EXPECT_EQ(session_.state(), State::kJoining);
  hear(welcome());  // the answer to the first Hello
  EXPECT_EQ(session_.state(), State::kJoining);
  auto fresh = welcome();
  fresh.nonce = hello.nonce;
  hear(fresh);
  EXPECT_EQ(session_.state(), State::kIdle);
}

TEST_F(SessionJoin, IgnoresThatAnEarlierSessionIsUnknown) {
  join();

  hear(wire::Reject{.session = SessionId{kSession.value + 1},
                    .code = wire::RejectCode::kUnknownSession});

  EXPECT_EQ(session_.state(), State::kIdle);
  EXPECT_TRUE(take().empty());
}

TEST_F(SessionJoin, EndsIfThereIsNoCommonVersion) {
  session_.on_connected(now_);

  hear(wire::Reject{.code = wire::RejectCode::kNoCommonVersion, .detail = "update it"});

  EXPECT_EQ(session_.state(), State::kEnded);
  EXPECT_EQ(session_.end().detail, "update it");
}

TEST_F(SessionJoin, EndsWhenAllSharesAreTaken) {
  join();

  hear(wire::Bye{.session = kSession, .reason = wire::ByeReason::kNoShare, .detail = "20 of 20"});

  EXPECT_EQ(session_.state(), State::kEnded);
  EXPECT_EQ(session_.end().reason, wire::ByeReason::kNoShare);
  EXPECT_EQ(session_.end().detail, "20 of 20");
}

TEST_F(SessionJoin, EndsWhenTheLastRoundIsDone) {
  join();

  hear(wire::Bye{.session = kSession, .reason = wire::ByeReason::kFinished, .detail = "done"});

  EXPECT_EQ(session_.state(), State::kEnded);
  EXPECT_EQ(session_.end().reason, wire::ByeReason::kFinished);
  EXPECT_EQ(session_.end().detail, "done");
  const auto answers = take();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(std::get<wire::Bye>(answers[0]).session, kSession);
}

TEST_F(SessionJoin, EndsWhenItIsReplaced) {
  join();

  hear(wire::Bye{.session = kSession, .reason = wire::ByeReason::kReplaced});

  EXPECT_EQ(session_.state(), State::kEnded);
  EXPECT_EQ(session_.end().reason, wire::ByeReason::kReplaced);
}

TEST_F(SessionJoin, StaysEndedWhateverHappens) {
  train(1);
  hear(wire::Bye{.session = kSession, .reason = wire::ByeReason::kFinished});
  take();

  session_.on_trained(key_of(1), trained(), now_);
  session_.on_failed(key_of(1), "too late", now_);
  session_.on_disconnected();
  session_.on_connected(now_);
  hear(welcome());
  pass(seconds(100));

  EXPECT_EQ(session_.state(), State::kEnded);
  EXPECT_TRUE(take().empty());
}

TEST_F(SessionJoin, WaitsWhileTheCoordinatorIsStopping) {
  join();

  hear(wire::Bye{.session = kSession, .reason = wire::ByeReason::kStopping});

  EXPECT_EQ(session_.state(), State::kOffline);
  EXPECT_EQ(session_.take_notes(),
            std::vector<std::string>{"the coordinator is stopping; waiting for it to come back"});
  pass(seconds(100));
  EXPECT_TRUE(take().empty());
  session_.on_connected(now_);
  take_one<wire::Hello>();
}

TEST_F(SessionJoin, IgnoresTheByeOfAnEarlierSession) {
  join();

  hear(wire::Bye{.session = SessionId{kSession.value + 1}, .reason = wire::ByeReason::kFinished});

  EXPECT_EQ(session_.state(), State::kIdle);
}

TEST_F(SessionJoin, NotesGarbageAndChangesNothing) {
  join();

  session_.on_frame({bytes_from("garbage"), {}}, now_);
  session_.on_frame({}, now_);

  const auto notes = session_.take_notes();
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_TRUE(notes[0].starts_with(
      "the coordinator sent a message that makes no sense: [wire] message head of 7 bytes: "))
      << notes[0];
  EXPECT_EQ(session_.state(), State::kIdle);
  EXPECT_TRUE(take().empty());
}

TEST_F(SessionJoin, NotesThatItWasNotUnderstood) {
  join();

  hear(wire::Reject{.session = kSession, .code = wire::RejectCode::kMalformed, .detail = "what?"});

  EXPECT_EQ(session_.take_notes(),
            std::vector<std::string>{"the coordinator did not understand us: what?"});
  EXPECT_EQ(session_.state(), State::kIdle);
}

TEST_F(SessionJoin, IgnoresMessagesThatOnlyClientsSend) {
  join();
  const std::vector<wire::Message> messages = {
      wire::Hello{.nonce = kNonce}, wire::Get{.session = kSession},
      wire::Update{.session = kSession, .body = bytes_from("x")},
      wire::Heartbeat{.session = kSession}, wire::Decline{.session = kSession}};
  for (const wire::Message& message : messages) {
    hear(message);
    EXPECT_EQ(session_.state(), State::kIdle);
    EXPECT_TRUE(take().empty());
  }
}

TEST_F(SessionJoin, IgnoresMessagesThatComeTooEarly) {
  session_.on_connected(now_);
  take();
  const std::vector<wire::Message> messages = {
      assignment(1),
      chunk(backbone_bytes(), 0),
      verdict(wire::VerdictKind::kAccepted),
      wire::HeartbeatAck{.session = kSession},
      wire::Bye{.session = SessionId{0}, .reason = wire::ByeReason::kFinished},
      wire::Reject{.session = SessionId{0}, .code = wire::RejectCode::kUnknownSession}};
  for (const wire::Message& message : messages) {
    hear(message);
    EXPECT_EQ(session_.state(), State::kJoining);
    EXPECT_TRUE(take().empty());
  }
}

TEST_F(SessionJoin, GivesThePlanOnceForEachThatComes) {
  join();
  EXPECT_EQ(session_.take_plan(), "the plan");
  EXPECT_EQ(session_.take_plan(), std::nullopt);

  session_.on_disconnected();
  join();
  EXPECT_EQ(session_.take_plan(), std::nullopt);  // the same

  session_.on_disconnected();
  session_.on_connected(now_);
  auto other = welcome();
  other.body = bytes_from("another plan");
  hear(other);
  EXPECT_EQ(session_.take_plan(), "another plan");
}

}  // namespace
}  // namespace lorae::client
