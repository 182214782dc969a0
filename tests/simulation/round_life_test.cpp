// Who is in a round, and when it closes.
#include "tests/simulation/round_of_three.h"

namespace lorae::simulation {
namespace {

using namespace std::chrono_literals;

TEST_F(RoundOfThree, IsOpenedAgainWithoutACohortThatDeclines) {
  federation_.min_clients = 1;
  coordinator_.reset();
  clients_.clear();
  start_coordinator();
  join({"client-01"});
  join({"client-02"});
  pump();
  for (std::size_t i = 0; i < 2; ++i) {
    const auto work = clients_[i]->session.take_work();
    ASSERT_TRUE(work.has_value());
    clients_[i]->session.on_failed(work->key, str("no images ", i), now_);
    send(*clients_[i]);
  }
  pump();

  EXPECT_FALSE(coordinator_->finished());
  EXPECT_NE(notes_.find("round.failed round=1 nobody of the cohort could report: client-01: no "
                        "images 0; client-02: no images 1"),
            std::string::npos)
      << notes_;

  join({"client-03"});
  pump();
  report(2, 4.0F);

  ASSERT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 4.0F);
  EXPECT_EQ(journal_->rounds().at(0).cohort, (std::vector<ClientId>{{"client-03"}}));
}

TEST_F(RoundOfThree, IsBriefAfterTheFirst) {
  federation_.rounds = 2;
  coordinator_.reset();
  clients_.clear();
  start();
  std::map<std::string, int> kinds;  // of messages in round 2
  bool second = false;
  network_.set_fault([&](const wire::Frame& frame) {
    const auto message = wire::unpack(frame);
    const auto in_round = [&](const auto& typed) {
      if constexpr (requires { typed.round; }) {
        return typed.round == RoundId{2};
      }
      return false;
    };
    second = second || std::visit(in_round, *message);
    if (second) {
      ++kinds[std::holds_alternative<wire::NextRound>(*message)     ? "next"
              : std::holds_alternative<wire::WholeUpdate>(*message) ? "whole"
              : std::holds_alternative<wire::Verdict>(*message)     ? "verdict"
              : std::holds_alternative<wire::Assignment>(*message)  ? "assignment"
                                                                    : "other"];
    }
    return transport::Fault::kNone;
  });
  pump();
  for (std::size_t i = 0; i < 3; ++i) {
    report(i, 1.0F);
  }
  report(0, 1.0F);
  join({"client-02"});  // again: it does not know what the first Assignment said
  pump();
  report(3, 1.0F);
  report(2, 1.0F);

  EXPECT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 2.0F);
  EXPECT_EQ(kinds["next"], 3);
  EXPECT_EQ(kinds["whole"], 2);
  EXPECT_EQ(kinds["assignment"], 1);
}

TEST_F(RoundOfThree, DoesNotWaitForAClientWhoseByeCrossedItsAssignment) {
  bool lost = false;
  network_.set_fault([&](const wire::Frame& frame) {
    const auto message = wire::unpack(frame);
    const bool assigns = message && std::holds_alternative<wire::Assignment>(*message);
    return assigns && !std::exchange(lost, true) ? transport::Fault::kDrop
                                                 : transport::Fault::kNone;
  });
  pump();
  ASSERT_EQ(clients_[0]->session.state(), client::SessionState::kIdle);
  clients_[0]->session.leave("its images are of another class");
  send(*clients_[0]);
  pump();

  report(1, 1.0F);
  report(2, 2.0F);

  EXPECT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 1.5F);
}

TEST_F(RoundOfThree, TellsItsEndAgainToWhoHasNotHeardOfIt) {
  pump();
  for (std::size_t i = 0; i < 3; ++i) {
    report(i, 1.0F);
  }
  ASSERT_TRUE(coordinator_->finished());
  network_.start([this](auto connection, const ClientId& client, wire::Frame frame) {
    coordinator_->on_frame_after_bye(connection, client, std::move(frame), now_);
  });
  bool lost = false;
  network_.set_fault([&](const wire::Frame&) {
    return std::exchange(lost, true) ? transport::Fault::kNone : transport::Fault::kDrop;
  });
  coordinator_->say_bye(/*finished=*/true);
  network_.deliver_all();
  const auto ended = [&](std::size_t i) {
    return clients_[i]->session.state() == client::SessionState::kEnded;
  };
  EXPECT_EQ(ended(0) + ended(1) + ended(2), 2);
  EXPECT_FALSE(coordinator_->is_alone());

  now_ += 20s;  // the next heartbeat
  for (const auto& client : clients_) {
    client->session.on_tick(now_);
    send(*client);
  }
  network_.deliver_all();
  EXPECT_EQ(ended(0) + ended(1) + ended(2), 3);
  EXPECT_TRUE(coordinator_->is_alone());
}

TEST_F(RoundOfThree, HandsOutItsResultAfterTheLastRoundAndCountsThoseBytes) {
  pump();
  join({"keeps"}, /*own_data=*/true, /*keep_model=*/true);
  join({"came-late"}, /*own_data=*/true, /*keep_model=*/true);
  pump();
  for (std::size_t i = 0; i < 3; ++i) {
    report(i, 3.0F);
  }
  ASSERT_TRUE(coordinator_->finished());
  int pieces = 0;
  network_.start([&](auto connection, const ClientId& client, wire::Frame frame) {
    pieces += coordinator_->on_frame_after_bye(connection, client, std::move(frame), now_) ? 1 : 0;
  });
  bool lost = false;
  network_.set_fault([&](const wire::Frame& frame) {
    const auto message = wire::unpack(frame);
    const bool bye = message && std::holds_alternative<wire::Bye>(*message);
    return bye && !std::exchange(lost, true) ? transport::Fault::kDrop : transport::Fault::kNone;
  });
  const auto before = journal_->total_bytes(runs::Direction::kDownlink, runs::kStageFramed);

  coordinator_->say_bye(/*finished=*/true);
  network_.deliver_all();
  now_ += 20s;  // a heartbeat of who has not heard
  for (const auto& client : clients_) {
    client->session.on_tick(now_);
    send(*client);
  }
  network_.deliver_all();
  coordinator_->write_traffic();
  EXPECT_GT(
      journal_->total_bytes(runs::Direction::kUplink, runs::kStageFramed, runs::kLayerHeartbeat), 0)
      << "of its own, beside control messages";

  EXPECT_TRUE(coordinator_->is_alone());
  EXPECT_GE(pieces, 4) << "backbone and model, twice";
  for (const std::size_t i : {3U, 4U}) {
    const auto model = clients_[i]->session.take_model();
    ASSERT_TRUE(model) << i;
    EXPECT_EQ(model->key.round, RoundId{1});
    ASSERT_EQ(model->model.size(), 4U + 16U);
    float value = 0;
    std::memcpy(&value, model->model.data() + 4, sizeof value);
    EXPECT_EQ(value, 3.0F);
    ASSERT_NE(model->fetched_backbone, nullptr);
    EXPECT_EQ(model->fetched_backbone->size(), 10U);
  }
  EXPECT_FALSE(clients_[0]->session.take_model());
  EXPECT_GT(journal_->total_bytes(runs::Direction::kDownlink, runs::kStageFramed), before + 4 * 60);
}

TEST_F(RoundOfThree, DoesNotWaitForARevokedClient) {
  pump();
  report(0, 1.0F);
  report(2, 2.0F);

  coordinator_->on_revoked({{"client-02"}});
  pump();

  EXPECT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 1.5F);
}

TEST_F(RoundOfThree, ClosesAtItsDeadlineWithoutAClientThatFellSilent) {
  pump();
  report(0, 1.0F);
  report(2, 2.0F);
  for (int second = 0; second < 600; second += 10) {
    EXPECT_FALSE(coordinator_->finished()) << second;
    now_ += 10s;
    for (const std::size_t alive : {0U, 2U}) {
      clients_[alive]->session.on_tick(now_);
      send(*clients_[alive]);
    }
    pump();
  }

  EXPECT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 1.5F);
  EXPECT_NE(notes_.find("round.without round=1 missing=client-02"), std::string::npos) << notes_;
}

TEST_F(RoundOfThree, SaysWhoIsMissingAndWhichKeysHelpWhenItIsExtended) {
  pump();
  report(0, 1.0F);
  for (int second = 0; second < 600; second += 10) {
    now_ += 10s;
    for (const auto& client : clients_) {
      client->session.on_tick(now_);
      send(*client);
    }
    pump();
  }

  EXPECT_FALSE(coordinator_->finished());
  EXPECT_NE(notes_.find("round.extended round=1 reported=1 of=3 missing: client-02 (works), "
                        "client-03 (works)"),
            std::string::npos)
      << notes_;
  EXPECT_NE(notes_.find("federation.min_fraction (0.8)"), std::string::npos) << notes_;
}

TEST_F(RoundOfThree, TellsAClientBeyondTheSharesThatItGetsNone) {
  pump();
  join({"client-04"});
  pump();

  ASSERT_EQ(clients_[3]->session.state(), client::SessionState::kEnded);
  EXPECT_EQ(clients_[3]->session.end().reason, wire::ByeReason::kNoShare);
  EXPECT_NE(clients_[3]->session.end().detail.find("all 3 shares"), std::string::npos);

  join({"client-05"}, /*own_data=*/true);  // needs none
  pump();
  EXPECT_EQ(clients_[4]->session.state(), client::SessionState::kIdle);
}

TEST_F(RoundOfThree, TellsAClientOfAnEarlierProtocolInItsOwnWordsToUpdate) {
  std::vector<wire::Frame> answers;
  const auto old_client = network_.connect(
      {"old"}, [&](wire::Frame frame) { answers.push_back(std::move(frame)); },
      [](transport::LinkEvent, const std::string&) {});
  // [0x4c52, version 1, Hello, nonce 7, versions 1 to 1, "test"], as protocol 1 packs it.
  constexpr std::array<unsigned char, 14> kHello = {0x97, 0xcd, 0x4c, 0x52, 1,   1,   7,
                                                    1,    1,    0xa4, 't',  'e', 's', 't'};
  old_client->send({copy_of(std::as_bytes(std::span(kHello))), {}});
  pump();

  ASSERT_EQ(answers.size(), 1U);
  // The prefix of protocol 1, then session 0, code 426 and what to do.
  const std::string answer(text_of(answers[0].head));
  EXPECT_EQ(answer.substr(0, 10), std::string("\x96\xcd\x4c\x52\x01\x08\x00\xcd\x01\xaa", 10));
  EXPECT_NE(notes_.find("frame.unreadable client=old"), std::string::npos) << notes_;
}

TEST_F(RoundOfThree, AnswersAKindThatItDoesNotKnowAndKeepsTheSession) {
  std::vector<wire::Frame> answers;
  const auto new_client = network_.connect(
      {"new"}, [&](wire::Frame frame) { answers.push_back(std::move(frame)); },
      [](transport::LinkEvent, const std::string&) {});
  constexpr std::array<unsigned char, 7> kLater = {0x94, 0xcd, 0x4c, 0x52, 2, 99, 5};
  new_client->send({copy_of(std::as_bytes(std::span(kLater))), {}});
  pump();

  ASSERT_EQ(answers.size(), 1U);
  const auto answer = wire::unpack(std::move(answers[0]));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(std::get<wire::Reject>(*answer).code, wire::RejectCode::kUnknownKind);
}

TEST_F(RoundOfThree, GoesOnWithMoreRounds) {
  pump();
  for (std::size_t i = 0; i < 3; ++i) {
    report(i, 1.0F);
  }
  ASSERT_TRUE(coordinator_->finished());
  EXPECT_EQ(journal_->meta(runs::kStateKey), runs::kStateFinished);

  federation_.rounds = 2;
  coordinator_.reset();
  clients_.clear();
  start_coordinator();
  for (const ClientId& name : client_names(3)) {
    join(name);
  }
  pump();
  EXPECT_EQ(journal_->meta(runs::kStateKey), runs::kStateRunning);
  for (std::size_t i = 0; i < 3; ++i) {
    report(i, 2.0F);
  }

  EXPECT_TRUE(coordinator_->finished());
  EXPECT_EQ(coordinator_->state().version(), RoundId{2});
  EXPECT_FLOAT_EQ(result(), 3.0F);
}

/// A rule that looks at where the round began, after a crash before anything was durable: the mean
/// of (1 + v)^2, not of 1 + v, is what products come to.
TEST_F(RoundOfThree, GoesOnFromWhereItBeganIfNobodyHasReported) {
  initial_ = StateDict(
      {{"a.extractor", torch::ones({1, 2, 1, 1})}, {"a.mapper", torch::ones({2, 1, 1, 1})}});
  exchange_.rule.aggregation = "product_mean";
  for (int crash = 0; crash < 2; ++crash) {
    coordinator_.reset();
    clients_.clear();
    start();
    pump();
  }
  EXPECT_NE(notes_.find("round.resumed round=1 durable=0"), std::string::npos) << notes_;
  for (std::size_t i = 0; i < 3; ++i) {
    report(i, static_cast<float>(i));
  }
  ASSERT_TRUE(coordinator_->finished());
  const StateDict& state = coordinator_->state().tensors();
  EXPECT_NEAR((state.at("a.extractor")[0][0] * state.at("a.mapper")[0][0]).item<double>(),
              (1.0 + 4 + 9) / 3, 1e-5);
}

TEST_F(RoundOfThree, RejectsAnUpdateThatTheSumCannotTakeAndGoesOnWithoutIt) {
  pump();
  report(0, 1.0F);
  report(1, 3e38F, 1000000);
  report(2, 2.0F);

  ASSERT_TRUE(coordinator_->finished());
  EXPECT_FLOAT_EQ(result(), 1.5F);
  EXPECT_EQ(journal_->rounds().at(0).num_updates, 2);
}

}  // namespace
}  // namespace lorae::simulation
