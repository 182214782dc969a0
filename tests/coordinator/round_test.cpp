#include "coordinator/round.h"

#include <gtest/gtest.h>

namespace lorae::coordinator {
namespace {

using std::chrono::seconds;
using wire::VerdictKind;
using Phase = Round::Phase;

const ClientId kAda{"ada"};
const ClientId kBob{"bob"};
const ClientId kEve{"eve"};
const ClientId kZoe{"zoe"};
constexpr TimePoint kStart{};

/// Round 7 of ada, bob and eve, of whom two have to report within ten seconds.
Round three_client_round(const std::vector<ClientId>& reported = {}) {
  return {RoundId{7},
          {kAda, kBob, kEve},
          kStart,
          {.min_fraction = 0.5, .report_deadline = seconds(10)},
          reported};
}

Round round_of(int size, double min_fraction) {
  std::vector<ClientId> cohort;
  for (int i = 0; i < size; ++i) {
    cohort.push_back(ClientId{"c" + std::to_string(100 + i)});
  }
  return {
      RoundId{1}, cohort, kStart, {.min_fraction = min_fraction, .report_deadline = seconds(10)}};
}

bool everybody_here(const ClientId& /*client*/) {
  return true;
}

/// How many of `size` clients have to report for the round to be complete at the deadline.
int needed(int size, double min_fraction) {
  for (int count = 0; count <= size; ++count) {
    Round round = round_of(size, min_fraction);
    for (int i = 0; i < count; ++i) {
      round.reported(round.cohort()[static_cast<std::size_t>(i)]);
    }
    if (round.phase(kStart + seconds(10), everybody_here) == Phase::kComplete) {
      return count;
    }
  }
  return -1;
}

TEST(Round, AcceptsTheUpdateOfAMember) {
  const Round round = three_client_round();

  EXPECT_EQ(round.judge(RoundId{7}, kAda), VerdictKind::kAccepted);
  EXPECT_TRUE(round.awaits(kAda));
}

TEST(Round, CountsARetransmittedUpdateOnce) {
  Round round = three_client_round();
  round.reported(kAda);

  EXPECT_EQ(round.judge(RoundId{7}, kAda), VerdictKind::kDuplicate);
  EXPECT_FALSE(round.awaits(kAda));
  round.reported(kAda);
  EXPECT_EQ(round.num_reported(), 1U);
}

TEST(Round, CountsAnUpdateOnlyWhenItIsReportedDurable) {
  Round round = three_client_round();

  round.judge(RoundId{7}, kAda);

  EXPECT_EQ(round.num_reported(), 0U);
  EXPECT_EQ(round.judge(RoundId{7}, kAda), VerdictKind::kAccepted);
}

TEST(Round, CallsUpdatesOfEarlierRoundsLate) {
  EXPECT_EQ(three_client_round().judge(RoundId{6}, kAda), VerdictKind::kLate);
  EXPECT_EQ(three_client_round().judge(RoundId{0}, kZoe), VerdictKind::kLate);
}

TEST(Round, RejectsUpdatesOfLaterRoundsAndOfStrangers) {
  EXPECT_EQ(three_client_round().judge(RoundId{8}, kAda), VerdictKind::kRejected);
  EXPECT_EQ(three_client_round().judge(RoundId{7}, kZoe), VerdictKind::kRejected);
  EXPECT_FALSE(three_client_round().awaits(kZoe));
}

TEST(Round, RejectsUpdatesOfMembersThatDroppedOut) {
  Round round = three_client_round();

  round.dropped(kAda, "no images");

  EXPECT_EQ(round.judge(RoundId{7}, kAda), VerdictKind::kRejected);
  EXPECT_FALSE(round.awaits(kAda));
  EXPECT_EQ(round.dropouts(), (std::map<ClientId, std::string>{{kAda, "no images"}}));
}

TEST(Round, DropsNobodyWhoHasReportedOrIsNoMember) {
  Round round = three_client_round();
  round.reported(kAda);

  round.dropped(kAda, "too late to say so");
  round.dropped(kZoe, "who?");

  EXPECT_TRUE(round.dropouts().empty());
}

TEST(Round, KeepsTheFirstReasonForADropout) {
  Round round = three_client_round();

  round.dropped(kAda, "first");
  round.dropped(kAda, "second");

  EXPECT_EQ(round.dropouts().at(kAda), "first");
}

TEST(Round, CollectsUntilEverybodyHasReported) {
  Round round = three_client_round();
  round.reported(kAda);
  round.reported(kBob);
  EXPECT_EQ(round.phase(kStart + seconds(9), everybody_here), Phase::kCollecting);

  round.reported(kEve);

  EXPECT_EQ(round.phase(kStart, everybody_here), Phase::kComplete);
}

TEST(Round, IsCompleteWhenTheOthersHaveDroppedOut) {
  Round round = three_client_round();
  round.reported(kAda);
  round.dropped(kBob, "no images");
  EXPECT_EQ(round.phase(kStart, everybody_here), Phase::kCollecting);

  round.dropped(kEve, "no images");

  EXPECT_EQ(round.phase(kStart, everybody_here), Phase::kComplete);
}

TEST(Round, IsHopelessWhenEverybodyHasDroppedOut) {
  Round round = three_client_round();
  for (const ClientId& client : {kAda, kBob, kEve}) {
    round.dropped(client, "no images");
  }

  EXPECT_EQ(round.phase(kStart, everybody_here), Phase::kHopeless);
}

TEST(Round, IsCompleteAtTheDeadlineWithEnoughReports) {
  Round round = three_client_round();
  round.reported(kAda);
  round.reported(kBob);

  EXPECT_EQ(round.phase(kStart + seconds(10), everybody_here), Phase::kComplete);
  EXPECT_EQ(round.extensions(), 0);
}

TEST(Round, ExtendsTheDeadlineWithTooFewReports) {
  Round round = three_client_round();
  round.reported(kAda);

  EXPECT_EQ(round.phase(kStart + seconds(12), everybody_here), Phase::kCollecting);
  EXPECT_EQ(round.extensions(), 1);
  EXPECT_EQ(round.judge(RoundId{7}, kBob), VerdictKind::kAccepted);

  // The new deadline is at 22 s; what has come stays valid.
  round.reported(kBob);
  EXPECT_EQ(round.phase(kStart + seconds(21), everybody_here), Phase::kCollecting);
  EXPECT_EQ(round.phase(kStart + seconds(22), everybody_here), Phase::kComplete);
  EXPECT_EQ(round.extensions(), 1);
}

TEST(Round, ExtendsTheDeadlineAsOftenAsItTakes) {
  Round round = three_client_round();

  for (int i = 1; i <= 5; ++i) {
    EXPECT_EQ(round.phase(kStart + seconds(10 * i), everybody_here), Phase::kCollecting);
    EXPECT_EQ(round.extensions(), i);
  }
}

TEST(Round, DoesNotWaitAtTheDeadlineForThoseWhoFellSilent) {
  Round round{RoundId{7},
              {kAda, kBob, kEve},
              kStart,
              {.min_fraction = 0.8, .report_deadline = seconds(10)}};
  const auto eve_is_gone = [](const ClientId& client) { return client != kEve; };
  round.reported(kAda);
  EXPECT_EQ(round.phase(kStart + seconds(9), eve_is_gone), Phase::kCollecting);
  EXPECT_EQ(round.phase(kStart + seconds(10), eve_is_gone), Phase::kCollecting);  // bob works
  EXPECT_EQ(round.extensions(), 1);

  round.reported(kBob);

  EXPECT_EQ(round.phase(kStart + seconds(19), eve_is_gone), Phase::kCollecting);
  EXPECT_EQ(round.judge(RoundId{7}, kEve), VerdictKind::kAccepted);  // she may come back until then
  EXPECT_EQ(round.phase(kStart + seconds(20), eve_is_gone), Phase::kComplete);
  EXPECT_EQ(round.missing(), (std::vector<ClientId>{kEve}));
}

TEST(Round, CountsThoseWhoAreLeftAfterARevocation) {
  Round round{RoundId{7},
              {kAda, kBob, kEve},
              kStart,
              {.min_fraction = 0.8, .report_deadline = seconds(10)}};
  round.dropped(kEve, "revoked");
  round.reported(kAda);
  EXPECT_EQ(round.phase(kStart, everybody_here), Phase::kCollecting);

  round.reported(kBob);

  EXPECT_EQ(round.phase(kStart, everybody_here), Phase::kComplete);
}

TEST(Round, IsHopelessAtTheDeadlineIfAllHaveFallenSilent) {
  Round round = three_client_round();
  const auto nobody_here = [](const ClientId&) { return false; };

  EXPECT_EQ(round.phase(kStart + seconds(9), nobody_here), Phase::kCollecting);
  EXPECT_EQ(round.phase(kStart + seconds(10), nobody_here), Phase::kHopeless);
  EXPECT_EQ(round.extensions(), 0);
}

TEST(Round, WaitsWithoutReportsForThoseWhoWork) {
  Round round = three_client_round();
  const auto only_bob = [](const ClientId& client) { return client == kBob; };

  EXPECT_EQ(round.phase(kStart + seconds(10), only_bob), Phase::kCollecting);
  EXPECT_EQ(round.extensions(), 1);

  round.reported(kBob);
  EXPECT_EQ(round.phase(kStart + seconds(20), only_bob), Phase::kComplete);
}

TEST(Round, CountsOnceWhoDeclinesBetweenItsUpdateAndTheDisk) {
  Round round = three_client_round();
  round.dropped(kAda, "declined while its update was on the way to the disk");

  round.reported(kAda);

  EXPECT_TRUE(round.dropouts().empty());
  round.reported(kBob);
  EXPECT_EQ(round.phase(kStart, everybody_here), Phase::kCollecting);  // eve
}

TEST(Round, AwaitsADropoutThatConnectsAgain) {
  Round round = three_client_round();
  round.dropped(kAda, "no images");

  round.returned(kAda);

  EXPECT_TRUE(round.awaits(kAda));
  EXPECT_EQ(round.judge(RoundId{7}, kAda), VerdictKind::kAccepted);
}

TEST(Round, NeedsItsFractionOfTheCohortRoundedUp) {
  EXPECT_EQ(needed(3, 0.5), 2);
  EXPECT_EQ(needed(10, 0.8), 8);
  EXPECT_EQ(needed(10, 0.75), 8);
  EXPECT_EQ(needed(10, 1.0), 10);
  EXPECT_EQ(needed(10, 0.01), 1);
  EXPECT_EQ(needed(1, 0.8), 1);
}

TEST(Round, NeedsNoneMoreBecauseOfFloatingPoint) {
  EXPECT_EQ(needed(20, 0.55), 11);   // 0.55 * 20 = 11.000000000000002
  EXPECT_EQ(needed(100, 0.07), 7);   // 0.07 * 100 = 7.000000000000001
  EXPECT_EQ(needed(100, 0.29), 29);  // 0.29 * 100 = 28.999999999999996
}

TEST(Round, ResumesWithTheUpdatesThatAreDurable) {
  Round round = three_client_round({kAda, kBob});

  EXPECT_EQ(round.num_reported(), 2U);
  EXPECT_EQ(round.judge(RoundId{7}, kAda), VerdictKind::kDuplicate);
  EXPECT_EQ(round.judge(RoundId{7}, kEve), VerdictKind::kAccepted);
  EXPECT_FALSE(round.awaits(kBob));
  round.reported(kEve);
  EXPECT_EQ(round.phase(kStart, everybody_here), Phase::kComplete);
}

TEST(Round, ResumedWithEverythingIsCompleteAtOnce) {
  EXPECT_EQ(three_client_round({kAda, kBob, kEve}).phase(kStart, everybody_here), Phase::kComplete);
}

TEST(Round, KnowsWhatItIs) {
  const Round round = three_client_round();

  EXPECT_EQ(round.id(), RoundId{7});
  EXPECT_EQ(round.cohort(), (std::vector<ClientId>{kAda, kBob, kEve}));
  EXPECT_EQ(round.start(), kStart);
}

}  // namespace
}  // namespace lorae::coordinator
