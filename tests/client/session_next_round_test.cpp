// Rounds in few bytes: the model comes with its round, the update goes whole.
#include "tests/client/harness.h"

namespace lorae::client {
namespace {

using wire::VerdictKind;
using State = SessionState;

class NextRound : public SessionTest {};

/// A round that comes with its model.
wire::NextRound next_round(std::uint64_t round) {
  return {.session = kSession,
          .round = RoundId{round},
          .model = shortened(digest_of(model_bytes(round))),
          .learning_rate_factor = 0.25,
          .counted = RoundId{round - 1},
          .state = shortened(digest_of(bytes_from("state"))),
          .body = model_bytes(round)};
}

/// That is trained from the state of `next_round`, which is known by the half that is told.
UpdateKey key_of_next(std::uint64_t round) {
  UpdateKey key{"run", RoundId{round}, {}};
  std::ranges::copy(shortened(digest_of(bytes_from("state"))).bytes, key.model.bytes.begin());
  return key;
}

TEST_F(NextRound, BringsItsModel) {
  train(1);
  session_.on_trained(key_of(1), trained(), now_);
  take();
  hear(verdict(wire::VerdictKind::kAccepted));

  hear(next_round(2));

  EXPECT_TRUE(take().empty()) << "nothing is asked for";
  ASSERT_EQ(session_.state(), State::kTraining);
  const auto work = session_.take_work();
  ASSERT_TRUE(work);
  EXPECT_EQ(work->key, key_of_next(2));
  EXPECT_EQ(work->model, model_bytes(2));
  EXPECT_EQ(work->backbone, digest_of(backbone_bytes()));
  EXPECT_EQ(work->share_index, 3U) << "as the Assignment said";
  EXPECT_EQ(work->share_count, 20U);
  EXPECT_EQ(work->learning_rate_factor, 0.25);
  EXPECT_EQ(work->counted, RoundId{1});
  EXPECT_EQ(work->state, shortened(digest_of(bytes_from("state"))));
  EXPECT_EQ(work->plan, "the plan");
}

TEST_F(NextRound, NeedsABackboneThatMayBeGone) {
  train(1);
  session_.on_trained(key_of(1), trained(), now_);
  take();
  hear(verdict(wire::VerdictKind::kAccepted));
  memory_.backbones.clear();

  hear(next_round(2));
  serve(backbone_bytes());

  const auto work = session_.take_work();
  ASSERT_TRUE(work);
  EXPECT_EQ(work->model, model_bytes(2));
  ASSERT_NE(work->fetched_backbone, nullptr);
  EXPECT_EQ(*work->fetched_backbone, backbone_bytes());
}

TEST_F(NextRound, IsIgnoredIfItCannotBeUnderstood) {
  join();
  hear(next_round(2));  // there was no Assignment to be like
  EXPECT_EQ(session_.state(), State::kIdle);

  hear(assignment(1));
  serve(backbone_bytes());
  serve(model_bytes(1));
  session_.take_work();
  session_.on_failed(key_of(1), "no images", now_);
  take();
  auto damaged = next_round(2);
  damaged.body[0] ^= std::byte{1};
  hear(damaged);
  EXPECT_EQ(session_.state(), State::kIdle);
  EXPECT_EQ(session_.take_notes(),
            std::vector<std::string>{"round 2: the model was damaged on its way"});

  auto difference = next_round(2);
  difference.base_version = RoundId{1};
  hear(difference);
  EXPECT_EQ(take_one<wire::Decline>().needs_start, 1U);
  hear(welcome());  // a new session has no Assignment yet
  hear(next_round(2));
  EXPECT_EQ(session_.state(), State::kIdle);
}

TEST_F(NextRound, ThatComesDuringATrainingIsNext) {
  train(1);
  hear(next_round(2));
  hear(next_round(3));  // only the last one's model is kept
  EXPECT_EQ(session_.state(), State::kTraining);

  session_.on_trained(key_of(1), trained(), now_);

  ASSERT_EQ(session_.state(), State::kTraining);
  EXPECT_EQ(session_.take_work()->key, key_of_next(3));
}

TEST_F(NextRound, LetsUpdatesGoWhole) {
  train(1);
  const TrainedUpdate small{bytes_from("xyz"), 40, {{"loss/train", 0.5}}};
  hear(next_round(2));
  session_.on_trained(key_of(1), small, now_);  // the coordinator has moved on
  session_.take_work();

  session_.on_trained(key_of_next(2), small, now_);

  const auto whole = take_one<wire::WholeUpdate>();
  EXPECT_EQ(whole.session, kSession);
  EXPECT_EQ(whole.round, RoundId{2});
  EXPECT_EQ(whole.object, shortened(digest_of(small.payload)));
  EXPECT_EQ(whole.num_examples, 40U);
  EXPECT_EQ(whole.metrics, small.metrics);
  EXPECT_EQ(text_of(whole.body), "xyz");
  pass(kRetry);
  EXPECT_EQ(text_of(take_one<wire::WholeUpdate>().body), "xyz") << "asked for again by silence";
  hear(verdict(VerdictKind::kAccepted, 0, 2));
  EXPECT_EQ(session_.state(), State::kIdle);

  hear(next_round(3));
  session_.take_work();
  session_.on_trained(key_of_next(3), trained(), now_);  // ten bytes are no single piece here
  EXPECT_EQ(take_one<wire::Update>().total, 10U);
}

/// After a reconnection the state may come as another difference: what was or is trained from it
/// stays.
TEST_F(NextRound, AnotherWayToTheSameStateIsTheSameTraining) {
  memory_.backbones[digest_of(backbone_bytes())] = backbone_bytes();
  wire::Assignment one_way = assignment(2);
  one_way.state = digest_of(bytes_from("state"));
  wire::Assignment another_way = one_way;
  another_way.model = digest_of(model_bytes(3));
  const auto reconnect = [&](const wire::Assignment& offered) {
    session_.on_disconnected();
    join();
    hear(offered);
  };
  join();
  hear(one_way);
  serve(model_bytes(2));
  const auto work = session_.take_work();
  ASSERT_TRUE(work);

  reconnect(another_way);
  EXPECT_EQ(session_.state(), State::kTraining);
  session_.on_trained(work->key, trained(), now_);
  EXPECT_EQ(session_.state(), State::kSending);
  EXPECT_EQ(take_one<wire::Update>().round, RoundId{2});

  reconnect(another_way);
  EXPECT_EQ(session_.state(), State::kSending) << "the kept update is sent again";
  EXPECT_FALSE(session_.take_work());

  wire::Assignment other_state = another_way;
  other_state.state = digest_of(bytes_from("another"));
  other_state.model = digest_of(model_bytes(2));
  take();
  reconnect(other_state);
  serve(model_bytes(2));
  EXPECT_TRUE(session_.take_work());
}

}  // namespace
}  // namespace lorae::client
