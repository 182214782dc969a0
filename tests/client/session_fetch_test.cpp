#include "tests/client/harness.h"

namespace lorae::client {
namespace {

using std::chrono::seconds;
using Offsets = std::vector<std::uint64_t>;
using State = SessionState;

class SessionFetch : public SessionTest {
 protected:
  /// What comes with the Work, once the model is there, too.
  Bytes fetched_backbone() {
    serve(model_);
    const auto work = session_.take_work();
    return work && work->fetched_backbone ? *work->fetched_backbone : Bytes{};
  }

  Bytes backbone_ = backbone_bytes();
  Bytes model_ = model_bytes(1);
};

TEST_F(SessionFetch, AsksForTheBackboneAWindowAhead) {
  join();

  hear(assignment(1));

  EXPECT_EQ(session_.state(), State::kFetching);
  EXPECT_EQ(session_.round(), RoundId{1});
  EXPECT_EQ(take_offsets(backbone_), (Offsets{0, 4}));
}

TEST_F(SessionFetch, AsksForTheNextChunkWithEachThatComes) {
  join();
  hear(assignment(1));
  take();

  hear(chunk(backbone_, 0));
  EXPECT_EQ(take_offsets(backbone_), Offsets{8});
  hear(chunk(backbone_, 4));
  EXPECT_TRUE(take().empty());
}

TEST_F(SessionFetch, FetchesTheBackboneThenTheModelThenTrains) {
  join();
  hear(assignment(1));
  take();
  for (const std::uint64_t offset : {0U, 4U, 8U}) {
    EXPECT_FALSE(session_.take_work());
    hear(chunk(backbone_, offset));
  }
  const auto sent = take_all<wire::Get>();
  EXPECT_EQ(sent.back().object, digest_of(model_));

  hear(chunk(model_, 0));
  hear(chunk(model_, 4));

  EXPECT_EQ(session_.state(), State::kTraining);
  const auto work = session_.take_work();
  ASSERT_TRUE(work);
  EXPECT_EQ(work->key, key_of(1));
  EXPECT_EQ(work->client, ClientId{"ada"});
  EXPECT_EQ(work->plan, "the plan");
  EXPECT_EQ(work->backbone, digest_of(backbone_));
  ASSERT_NE(work->fetched_backbone, nullptr);
  EXPECT_EQ(*work->fetched_backbone, backbone_);
  EXPECT_EQ(work->model, model_);
  EXPECT_EQ(work->share_index, 3U);
  EXPECT_EQ(work->share_count, 20U);
  EXPECT_EQ(work->learning_rate_factor, 0.5);
  EXPECT_FALSE(session_.take_work());
}

TEST_F(SessionFetch, DoesNotFetchABackboneThatItRemembers) {
  memory_.backbones[digest_of(backbone_)] = backbone_;
  join();

  hear(assignment(1));

  EXPECT_EQ(take_offsets(model_), (Offsets{0, 4}));
}

TEST_F(SessionFetch, KeepsAFetchedBackboneUntilSomebodyTrains) {
  join();
  hear(assignment(1));
  serve(backbone_);  // and asks for the model, which does not come
  session_.on_disconnected();
  join();

  hear(assignment(1));

  EXPECT_EQ(take_offsets(model_), (Offsets{0, 4}));
  hear(chunk(model_, 0));
  hear(chunk(model_, 4));
  const auto work = session_.take_work();
  ASSERT_TRUE(work && work->fetched_backbone);
  EXPECT_EQ(*work->fetched_backbone, backbone_);
}

TEST_F(SessionFetch, FetchesABackboneAgainThatTurnsOutToBeDamaged) {
  memory_.backbones[digest_of(backbone_)] = backbone_;
  join();
  hear(assignment(1));
  serve(model_);
  ASSERT_TRUE(session_.take_work());
  memory_.backbones.clear();

  session_.on_backbone_lost(now_);

  EXPECT_EQ(take_offsets(backbone_), (Offsets{0, 4}));
  hear(chunk(backbone_, 0));
  hear(chunk(backbone_, 4));
  hear(chunk(backbone_, 8));
  EXPECT_EQ(fetched_backbone(), backbone_);
}

TEST_F(SessionFetch, FetchesAnObjectAgainIfItsDigestIsWrong) {
  memory_.backbones[digest_of(backbone_)] = backbone_;
  join();
  hear(assignment(1));
  take();
  auto damaged = chunk(model_, 0);
  damaged.body[0] ^= std::byte{1};

  hear(damaged);
  hear(chunk(model_, 4));

  EXPECT_EQ(session_.state(), State::kFetching);
  EXPECT_EQ(take_offsets(model_), (Offsets{0, 4}));
  hear(chunk(model_, 0));
  hear(chunk(model_, 4));
  EXPECT_EQ(session_.state(), State::kTraining);
}

TEST_F(SessionFetch, AsksAgainForALostChunkAndForNothingElse) {
  join();
  hear(assignment(1));
  take();
  hear(chunk(backbone_, 0));  // then the chunk at 4 is lost
  hear(chunk(backbone_, 8));
  take();

  pass(kRetry - seconds(1));
  EXPECT_TRUE(take().empty());
  pass(seconds(1));
  EXPECT_EQ(take_offsets(backbone_), (Offsets{4, 8}));
  hear(chunk(backbone_, 4));
  hear(chunk(backbone_, 8));
  EXPECT_EQ(fetched_backbone(), backbone_);
}

TEST_F(SessionFetch, AsksAgainForALostChunkThoughHeartbeatsAreAnswered) {
  join();
  hear(assignment(1));
  take();
  pass(kRetry - seconds(1));
  hear(wire::HeartbeatAck{.session = kSession, .round = RoundId{1}});

  pass(seconds(1));

  EXPECT_EQ(take_offsets(backbone_), (Offsets{0, 4}));
}

TEST_F(SessionFetch, TakesARepeatedChunkOnce) {
  join();
  hear(assignment(1));
  take();

  hear(chunk(backbone_, 0));
  take();
  hear(chunk(backbone_, 0));
  EXPECT_TRUE(take().empty());

  hear(chunk(backbone_, 4));
  hear(chunk(backbone_, 8));
  EXPECT_EQ(fetched_backbone(), backbone_);
}

TEST_F(SessionFetch, IgnoresChunksThatItDidNotAskFor) {
  join();
  hear(assignment(1));
  take();
  auto other_session = chunk(backbone_, 0);
  other_session.session = SessionId{kSession.value + 1};
  auto other_total = chunk(backbone_, 0);
  other_total.total = 11;
  auto too_short = chunk(backbone_, 0);
  too_short.body.pop_back();
  auto too_long = chunk(backbone_, 0);
  too_long.body.push_back(std::byte{0});

  for (const wire::Chunk& wrong :
       {other_session, other_total, too_short, too_long, chunk(model_, 0), chunk(backbone_, 4)}) {
    hear(wrong);
    EXPECT_TRUE(take().empty());
  }

  pass(kRetry);
  EXPECT_EQ(take_offsets(backbone_), (Offsets{0, 4}));
}

TEST_F(SessionFetch, GoesOnAfterALostConnectionWhereItWas) {
  join();
  hear(assignment(1));
  hear(chunk(backbone_, 0));
  session_.on_disconnected();
  join();
  EXPECT_EQ(session_.state(), State::kIdle);

  hear(assignment(1));

  EXPECT_EQ(take_offsets(backbone_), (Offsets{4, 8}));
  hear(chunk(backbone_, 4));
  hear(chunk(backbone_, 8));
  EXPECT_EQ(fetched_backbone(), backbone_);
}

TEST_F(SessionFetch, StartsAgainIfTheChunksHaveAnotherSizeAfterALostConnection) {
  join();
  hear(assignment(1));
  hear(chunk(backbone_, 0));
  session_.on_disconnected();
  session_.on_connected(now_);
  take();
  auto other = welcome();
  other.chunk_bytes = 5;
  hear(other);

  hear(assignment(1));

  EXPECT_EQ(take_offsets(backbone_), (Offsets{0, 5}));
}

TEST_F(SessionFetch, IgnoresARepeatedAssignment) {
  join();
  hear(assignment(1));
  take();

  hear(assignment(1));

  EXPECT_TRUE(take().empty());
}

TEST_F(SessionFetch, FetchesForTheNewestAssignment) {
  memory_.backbones[digest_of(backbone_)] = backbone_;
  join();
  hear(assignment(1));
  take();

  hear(assignment(2));

  EXPECT_EQ(session_.round(), RoundId{2});
  EXPECT_EQ(take_offsets(model_bytes(2)), (Offsets{0, 4}));
}

TEST_F(SessionFetch, IsIdleIfTheObjectIsGone) {
  join();
  hear(assignment(1));
  take();

  hear(wire::Reject{.session = kSession, .code = wire::RejectCode::kNotFound});

  EXPECT_EQ(session_.state(), State::kIdle);
  hear(assignment(2));
  EXPECT_EQ(session_.state(), State::kFetching);
}

TEST_F(SessionFetch, RefusesObjectsThatAreTooLarge) {
  join();
  auto large = assignment(1);
  large.backbone_bytes = 1001;

  hear(large);

  EXPECT_EQ(session_.state(), State::kIdle);
  EXPECT_TRUE(take().empty());
  EXPECT_EQ(session_.take_notes(),
            std::vector<std::string>{
                "the coordinator announced an object larger than this client accepts"});
}

TEST_F(SessionFetch, DeclinesADifferenceToAModelThatItDoesNotHold) {
  join();
  auto difference = assignment(2);
  difference.base_version = RoundId{1};

  hear(difference);

  const auto decline = take_one<wire::Decline>();
  EXPECT_EQ(decline.session, kSession);
  EXPECT_EQ(decline.round, RoundId{2});
  EXPECT_EQ(decline.detail, "no model of version 1 here");
  EXPECT_EQ(decline.needs_start, 1U);
  EXPECT_EQ(session_.state(), State::kIdle);
  hear(assignment(2));  // now the whole one
  EXPECT_EQ(session_.state(), State::kFetching);
}

TEST_F(SessionFetch, TakesADifferenceToTheModelThatItHolds) {
  memory_.hold({"run", RoundId{1}, std::make_shared<const codec::Blocks>()});
  join();
  auto difference = assignment(2);
  difference.base_version = RoundId{1};

  hear(difference);

  EXPECT_EQ(session_.state(), State::kFetching);
}

TEST_F(SessionFetch, IgnoresTheAssignmentsOfAnotherSession) {
  join();
  auto other = assignment(1);
  other.session = SessionId{kSession.value + 1};

  hear(other);

  EXPECT_EQ(session_.state(), State::kIdle);
}

TEST_F(SessionFetch, AsksForAFreshConnectionIfAllAnswersStayOut) {
  join();
  hear(assignment(1));
  for (int i = 0; i < 10 && !session_.take_redial(); ++i) {
    pass(kRetry);
  }

  EXPECT_LE(now_ - TimePoint{}, 3 * kRetry);
}

}  // namespace
}  // namespace lorae::client
