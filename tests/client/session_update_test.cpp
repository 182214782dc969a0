#include "client/disk_memory.h"
#include "tests/client/harness.h"

namespace lorae::client {
namespace {

using std::chrono::seconds;
using wire::VerdictKind;
using State = SessionState;

class SessionUpdate : public SessionTest {
 protected:
  /// Trained for round 1; the first piece is on its way.
  wire::Update send_first() {
    train(1);
    session_.on_trained(key_of(1), trained(), now_);
    return take_one<wire::Update>();
  }
};

TEST_F(SessionUpdate, IsRememberedThenSentPieceByPiece) {
  const auto first = send_first();

  EXPECT_EQ(memory_.update(key_of(1)), trained());
  EXPECT_EQ(session_.state(), State::kSending);
  EXPECT_EQ(first.session, kSession);
  EXPECT_EQ(first.round, RoundId{1});
  EXPECT_EQ(first.object, digest_of(trained().payload));
  EXPECT_EQ(first.offset, 0U);
  EXPECT_EQ(first.total, 10U);
  EXPECT_EQ(first.num_examples, 40U);
  EXPECT_EQ(first.metrics, trained().metrics);
  EXPECT_EQ(text_of(first.body), "0123");
}

TEST_F(SessionUpdate, FollowsTheOffsetsOfTheVerdicts) {
  send_first();

  hear(verdict(VerdictKind::kProgress, 4));
  EXPECT_EQ(text_of(take_one<wire::Update>().body), "4567");
  hear(verdict(VerdictKind::kProgress, 8));
  EXPECT_EQ(text_of(take_one<wire::Update>().body), "89");
  hear(verdict(VerdictKind::kProgress, 0));  // the coordinator lost everything
  EXPECT_EQ(text_of(take_one<wire::Update>().body), "0123");
}

TEST_F(SessionUpdate, AnswersARepeatedVerdictOnce) {
  send_first();

  hear(verdict(VerdictKind::kProgress, 4));
  hear(verdict(VerdictKind::kProgress, 4));

  EXPECT_EQ(take_one<wire::Update>().offset, 4U);
}

TEST_F(SessionUpdate, IgnoresOffsetsBehindTheEnd) {
  send_first();

  hear(verdict(VerdictKind::kProgress, 10));
  hear(verdict(VerdictKind::kProgress, ~std::uint64_t{0}));

  EXPECT_TRUE(take().empty());
  EXPECT_EQ(session_.state(), State::kSending);
}

TEST_F(SessionUpdate, IsSentAgainAfterSilence) {
  send_first();
  hear(verdict(VerdictKind::kProgress, 4));
  take();

  pass(kRetry - seconds(1));
  EXPECT_TRUE(take().empty());
  pass(seconds(1));
  EXPECT_EQ(take_one<wire::Update>().offset, 4U);
}

TEST_F(SessionUpdate, IsForgottenWhenItIsAccepted) {
  send_first();

  hear(verdict(VerdictKind::kAccepted));

  EXPECT_EQ(session_.state(), State::kIdle);
  EXPECT_FALSE(memory_.kept);
  hear(assignment(1));  // an echo
  EXPECT_EQ(session_.state(), State::kIdle);
  hear(assignment(2));
  EXPECT_EQ(session_.state(), State::kFetching);
}

TEST_F(SessionUpdate, IsForgottenWhenItIsADuplicateOrLate) {
  for (const VerdictKind kind : {VerdictKind::kDuplicate, VerdictKind::kLate}) {
    FakeMemory memory;
    memory.backbones[digest_of(backbone_bytes())] = backbone_bytes();
    memory.keep_update(key_of(1), nullptr);
    Session session(memory, kNonce, {.retry = kRetry});
    session.on_connected(now_);
    session.on_frame(wire::pack(welcome()), now_);
    memory.kept.emplace(key_of(1), trained());
    session.on_frame(wire::pack(assignment(1)), now_);
    EXPECT_EQ(session.state(), State::kSending);

    session.on_frame(wire::pack(verdict(kind)), now_);

    EXPECT_EQ(session.state(), State::kIdle);
    EXPECT_FALSE(memory.kept);
    EXPECT_TRUE(session.take_notes().empty());
  }
}

TEST_F(SessionUpdate, IsForgottenWithANoteWhenItIsRejected) {
  send_first();

  hear(verdict(VerdictKind::kRejected));

  EXPECT_EQ(session_.state(), State::kIdle);
  EXPECT_FALSE(memory_.kept);
  EXPECT_EQ(session_.take_notes(),
            std::vector<std::string>{"round 1: our update was rejected: because"});
}

TEST_F(SessionUpdate, WaitsWhenTheCoordinatorHasNoRoomThenIsSentAgain) {
  send_first();

  hear(verdict(VerdictKind::kWait));

  EXPECT_EQ(session_.take_notes(),
            std::vector<std::string>{"the coordinator has no room for now: because"});
  pass(seconds(1));
  EXPECT_TRUE(take().empty());
  pass(seconds(1));
  EXPECT_EQ(take_one<wire::Update>().offset, 0U);
  EXPECT_EQ(memory_.update(key_of(1)), trained());
}

TEST_F(SessionUpdate, IgnoresVerdictsOnOtherRoundsAndSessions) {
  send_first();
  auto other = verdict(VerdictKind::kAccepted);
  other.session = SessionId{kSession.value + 1};

  hear(other);
  hear(verdict(VerdictKind::kAccepted, 0, 2));

  EXPECT_EQ(session_.state(), State::kSending);
  EXPECT_EQ(memory_.update(key_of(1)), trained());
}

TEST_F(SessionUpdate, IsSentThoughItCouldNotBeRemembered) {
  train(1);
  memory_.full = true;

  session_.on_trained(key_of(1), trained(), now_);

  EXPECT_EQ(session_.state(), State::kSending);
  EXPECT_EQ(session_.take_notes(), std::vector<std::string>{"[file] disk full"});
  take_one<wire::Update>();
}

TEST_F(SessionUpdate, IsSentAfterAConnectionLostWhileTraining) {
  train(1);
  session_.on_disconnected();
  EXPECT_EQ(session_.state(), State::kTraining);
  session_.on_connected(now_);
  take_one<wire::Hello>();
  hear(welcome());
  hear(assignment(1));
  EXPECT_TRUE(take().empty());

  session_.on_trained(key_of(1), trained(), now_);

  EXPECT_EQ(take_one<wire::Update>().offset, 0U);
}

TEST_F(SessionUpdate, IsSentWhenTheConnectionIsBack) {
  train(1);
  session_.on_disconnected();
  session_.on_trained(key_of(1), trained(), now_);
  EXPECT_EQ(session_.state(), State::kOffline);
  EXPECT_TRUE(take().empty());

  session_.on_connected(now_);
  take_one<wire::Hello>();
  hear(welcome());
  hear(assignment(1));

  EXPECT_EQ(session_.state(), State::kSending);
  EXPECT_EQ(take_one<wire::Update>().total, 10U);
  EXPECT_FALSE(session_.take_work());
}

TEST_F(SessionUpdate, GetsThroughThoughTheWelcomeIsLostWhileTraining) {
  train(1);
  session_.on_disconnected();
  session_.on_connected(now_);
  take_one<wire::Hello>();

  pass(kRetry);
  take_one<wire::Hello>();
  session_.on_trained(key_of(1), trained(), now_);
  EXPECT_EQ(session_.state(), State::kJoining);
  pass(2 * kRetry);
  take_one<wire::Hello>();
  hear(welcome());
  hear(assignment(1));

  take_one<wire::Update>();
}

TEST_F(SessionUpdate, IsSentAgainFromItsBeginningAfterTheCoordinatorRestarted) {
  send_first();
  hear(verdict(VerdictKind::kProgress, 4));
  take();

  hear(wire::Reject{.session = kSession, .code = wire::RejectCode::kUnknownSession});
  auto fresh = welcome();
  fresh.nonce = take_one<wire::Hello>().nonce;
  fresh.session = SessionId{6};
  hear(fresh);
  auto again = assignment(1);
  again.session = SessionId{6};
  hear(again);

  const auto update = take_one<wire::Update>();
  EXPECT_EQ(update.session, SessionId{6});
  EXPECT_EQ(update.offset, 0U);
}

TEST_F(SessionUpdate, OfAnOldRoundGivesWayToTheNewAssignment) {
  train(1);

  hear(assignment(2));
  EXPECT_EQ(session_.state(), State::kTraining);
  session_.on_trained(key_of(1), trained(), now_);

  EXPECT_EQ(session_.state(), State::kFetching);
  EXPECT_EQ(session_.round(), RoundId{2});
  EXPECT_EQ(take_offsets(model_bytes(2)), (std::vector<std::uint64_t>{0, 4}));
}

TEST_F(SessionUpdate, OfAnotherRunIsNotSent) {
  train(1);
  session_.on_disconnected();
  session_.on_connected(now_);
  take();
  hear(welcome("another run"));

  session_.on_trained(key_of(1), trained(), now_);

  EXPECT_EQ(session_.state(), State::kIdle);
  EXPECT_TRUE(take().empty());
}

TEST_F(SessionUpdate, OfARoundDoneIsTrainedAgainInAnotherRun) {
  send_first();
  hear(verdict(VerdictKind::kAccepted));
  session_.on_disconnected();
  session_.on_connected(now_);
  take();
  hear(welcome("another run"));

  hear(assignment(1));

  EXPECT_EQ(session_.state(), State::kFetching);
}

TEST_F(SessionUpdate, ThatCannotBeMadeIsDeclined) {
  train(1);

  session_.on_failed(key_of(1), "no images", now_);

  const auto decline = take_one<wire::Decline>();
  EXPECT_EQ(decline.session, kSession);
  EXPECT_EQ(decline.round, RoundId{1});
  EXPECT_EQ(decline.detail, "no images");
  EXPECT_EQ(session_.state(), State::kIdle);
  hear(assignment(1));  // the round was opened again, and we are asked again
  EXPECT_EQ(session_.state(), State::kFetching);
}

TEST_F(SessionUpdate, LeavingTellsTheCoordinatorNotToWait) {
  train(1);

  session_.leave("no images");

  const auto messages = take();
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(std::get<wire::Decline>(messages[0]).detail, "no images");
  EXPECT_EQ(std::get<wire::Bye>(messages[1]).session, kSession);
  EXPECT_EQ(session_.state(), State::kEnded);
  EXPECT_EQ(session_.end().detail, "no images");
}

TEST_F(SessionUpdate, SurvivesARestartOfTheClient) {
  const TemporaryFolder folder;
  {
    DiskMemory disk(folder / "backbones", folder / "own");
    disk.keep_update(key_of(1), nullptr);
    const TrainedUpdate update = trained();
    disk.keep_update(key_of(1), &update);
  }
  DiskMemory disk(folder / "backbones", folder / "own");
  Session session(disk, kNonce + 1, {.retry = kRetry});
  session.on_connected(now_);
  auto fresh = welcome();
  fresh.nonce = kNonce + 1;
  session.on_frame(wire::pack(fresh), now_);
  session.take_outgoing();

  session.on_frame(wire::pack(assignment(1)), now_);

  EXPECT_EQ(session.state(), State::kSending);
  EXPECT_FALSE(session.take_work());
  auto frames = session.take_outgoing();
  ASSERT_EQ(frames.size(), 1U);
  const auto update = std::get<wire::Update>(wire::unpack(std::move(frames[0])).value());
  EXPECT_EQ(update.object, digest_of(trained().payload));
  session.on_frame(wire::pack(verdict(VerdictKind::kAccepted)), now_);
  EXPECT_FALSE(disk.update(key_of(1)));
}

}  // namespace
}  // namespace lorae::client
