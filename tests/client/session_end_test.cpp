#include "tests/client/harness.h"

// The end of a run: the last global state is fetched before the session ends.
namespace lorae::client {
namespace {

using State = SessionState;
using std::chrono::seconds;

class SessionEnd : public SessionTest {
 protected:
  SessionEnd()
      : keeper_(memory_, kNonce, {.keep_model = true, .retry = kRetry, .largest_object = 1000}) {}

  static wire::Bye finished() {
    return {.session = kSession,
            .reason = wire::ByeReason::kFinished,
            .detail = "all rounds are done",
            .model = digest_of(model_bytes(9)),
            .model_bytes = model_bytes(9).size(),
            .backbone = digest_of(backbone_bytes()),
            .backbone_bytes = backbone_bytes().size(),
            .round = RoundId{9}};
  }

  void tell(wire::Message message) { keeper_.on_frame(wire::pack(std::move(message)), now_); }

  std::vector<wire::Message> said() {
    std::vector<wire::Message> messages;
    for (wire::Frame& frame : keeper_.take_outgoing()) {
      messages.push_back(wire::unpack(std::move(frame)).value());
    }
    return messages;
  }

  /// Answers each Get for `object`; returns what else was said.
  std::vector<wire::Message> answer(const Bytes& object) {
    std::vector<wire::Message> others;
    for (bool again = true; again;) {
      again = false;
      for (wire::Message& message : said()) {
        const auto* get = std::get_if<wire::Get>(&message);
        if (get != nullptr && get->object == digest_of(object)) {
          tell(chunk(object, get->offset));
          again = true;
        } else {
          others.push_back(std::move(message));
        }
      }
    }
    return others;
  }

  void enter() {
    keeper_.on_connected(now_);
    said();
    tell(welcome());
  }

  static void expect_heard(const std::vector<wire::Message>& messages) {
    ASSERT_EQ(messages.size(), 1U);
    const auto* bye = std::get_if<wire::Bye>(&messages[0]);
    ASSERT_NE(bye, nullptr);
    EXPECT_EQ(bye->reason, wire::ByeReason::kFinished);
    EXPECT_EQ(bye->session, kSession);
  }

  Session keeper_;
};

TEST_F(SessionEnd, FetchesTheLastGlobalStateBeforeItSaysThatItHasHeard) {
  memory_.backbones[digest_of(backbone_bytes())] = backbone_bytes();
  enter();

  tell(finished());

  EXPECT_EQ(keeper_.state(), State::kFetching);
  EXPECT_FALSE(keeper_.take_model());
  expect_heard(answer(model_bytes(9)));
  EXPECT_EQ(keeper_.state(), State::kEnded);
  EXPECT_EQ(keeper_.end().detail, "all rounds are done");
  EXPECT_FALSE(keeper_.take_work()) << "it is not to be trained";
  const auto model = keeper_.take_model();
  ASSERT_TRUE(model);
  EXPECT_EQ(model->model, model_bytes(9));
  EXPECT_EQ(model->key, key_of(9));
  EXPECT_EQ(model->plan, "the plan");
  EXPECT_EQ(model->backbone, digest_of(backbone_bytes()));
  EXPECT_EQ(model->fetched_backbone, nullptr);
  EXPECT_FALSE(keeper_.take_model()) << "once";
}

TEST_F(SessionEnd, FetchesTheBackboneTooIfItWasInNoRound) {
  enter();
  tell(finished());
  std::vector<wire::Message> asked = answer(backbone_bytes());
  for (const wire::Message& message : asked) {
    const auto& get = std::get<wire::Get>(message);
    EXPECT_EQ(get.object, digest_of(model_bytes(9)));
    tell(chunk(model_bytes(9), get.offset));
  }
  expect_heard(said());
  const auto model = keeper_.take_model();
  ASSERT_TRUE(model);
  ASSERT_NE(model->fetched_backbone, nullptr);
  EXPECT_EQ(*model->fetched_backbone, backbone_bytes());
}

TEST_F(SessionEnd, EndsAtOnceWithACoordinatorThatOffersNoModel) {
  enter();
  tell(wire::Bye{.session = kSession, .reason = wire::ByeReason::kFinished, .detail = "done"});

  expect_heard(said());
  EXPECT_EQ(keeper_.state(), State::kEnded);
  EXPECT_FALSE(keeper_.take_model());
}

TEST_F(SessionEnd, EndsAtOnceIfItIsNotToKeepTheModelOrItIsTooLarge) {
  join();
  hear(finished());
  EXPECT_EQ(session_.state(), State::kEnded);

  enter();
  wire::Bye large = finished();
  large.model_bytes = 1001;
  tell(large);
  expect_heard(said());
}

TEST_F(SessionEnd, EndsWithoutTheModelIfTheCoordinatorIsGone) {
  memory_.backbones[digest_of(backbone_bytes())] = backbone_bytes();
  enter();
  tell(finished());

  keeper_.on_disconnected();

  EXPECT_EQ(keeper_.state(), State::kEnded);
  EXPECT_EQ(keeper_.end().reason, wire::ByeReason::kFinished);
  EXPECT_FALSE(keeper_.take_model());
  EXPECT_EQ(
      keeper_.take_notes(),
      std::vector<std::string>{"the last global model did not come: the connection was lost"});
}

TEST_F(SessionEnd, AsksAgainAndEndsWithoutTheModelIfNothingComes) {
  memory_.backbones[digest_of(backbone_bytes())] = backbone_bytes();
  enter();
  tell(finished());
  said();
  now_ += kRetry;
  keeper_.on_tick(now_);
  const auto asked = said();
  ASSERT_FALSE(asked.empty());
  EXPECT_EQ(std::get<wire::Get>(asked[0]).offset, 0U);

  for (int i = 0; i < 5; ++i) {
    now_ += kRetry;
    keeper_.on_tick(now_);
  }
  EXPECT_EQ(keeper_.state(), State::kEnded);
}

TEST_F(SessionEnd, KeepsWhatWasTrainedMeanwhileOutOfTheWay) {
  memory_.backbones[digest_of(backbone_bytes())] = backbone_bytes();
  enter();
  tell(assignment(1));
  answer(model_bytes(1));
  ASSERT_TRUE(keeper_.take_work());
  tell(finished());  // the last round was closed without this client

  keeper_.on_trained(key_of(1), trained(), now_);

  EXPECT_EQ(keeper_.state(), State::kFetching);
  tell(finished());  // told again: nothing new
  expect_heard(answer(model_bytes(9)));
  EXPECT_TRUE(keeper_.take_model());
}

}  // namespace
}  // namespace lorae::client
