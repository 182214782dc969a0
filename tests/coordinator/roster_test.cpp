#include "coordinator/roster.h"

#include <gtest/gtest.h>

namespace lorae::coordinator {
namespace {

using std::chrono::seconds;

const ClientId kAda{"ada"};
const ClientId kBob{"bob"};
constexpr TimePoint kStart{};
constexpr std::uint64_t kNonce = 11;

Roster::Member member(std::uint64_t nonce, std::uint64_t connection, TimePoint heard) {
  return {.nonce = nonce, .connection = transport::ConnectionId{connection}, .heard = heard};
}

TEST(Roster, GivesTheSameNonceTheSameSessionOnItsNewConnection) {
  Roster roster(1);
  const auto first = roster.join(kAda, member(kNonce, 1, kStart));

  const auto again = roster.join(kAda, member(kNonce, 2, kStart));

  EXPECT_EQ(again.member.session, first.member.session);
  EXPECT_EQ(again.member.connection.value, 2U);
  EXPECT_FALSE(again.replaced);
  EXPECT_EQ(roster.find(kAda)->connection.value, 2U);
}

TEST(Roster, ReplacesAClientByAnotherProcessWithItsKey) {
  Roster roster(1);
  const auto first = roster.join(kAda, member(kNonce, 1, kStart));

  const auto second = roster.join(kAda, member(kNonce + 1, 2, kStart));

  EXPECT_NE(second.member.session, first.member.session);
  ASSERT_TRUE(second.replaced);
  EXPECT_EQ(second.replaced->session, first.member.session);
  EXPECT_EQ(second.replaced->connection.value, 1U);
  EXPECT_EQ(roster.find(kAda, first.member.session, kStart), nullptr);
  EXPECT_EQ(roster.members().size(), 1U);
}

TEST(Roster, TellsNobodyThatItReplacedItself) {
  Roster roster(1);
  roster.join(kAda, member(kNonce, 1, kStart));

  // A new nonce on the same connection: the client gave its session up.
  EXPECT_FALSE(roster.join(kAda, member(kNonce + 1, 1, kStart)).replaced);
}

TEST(Roster, GivesSessionsThatAreNeverZero) {
  for (std::uint64_t epoch = 0; epoch < 100; ++epoch) {
    EXPECT_NE(Roster(epoch).join(kAda, member(kNonce, 1, kStart)).member.session, SessionId{0});
  }
}

TEST(Roster, GivesEachClientASessionOfItsOwn) {
  Roster roster(1);
  const auto ada = roster.join(kAda, member(kNonce, 1, kStart));
  const auto bob = roster.join(kBob, member(kNonce, 2, kStart));

  EXPECT_NE(ada.member.session, bob.member.session);
  EXPECT_FALSE(bob.replaced);
  EXPECT_EQ(roster.find(kBob, ada.member.session, kStart), nullptr);
}

TEST(Roster, DoesNotKnowTheSessionsOfAnEarlierStart) {
  Roster before(1);
  const auto session = before.join(kAda, member(kNonce, 1, kStart)).member.session;

  Roster after(2);

  EXPECT_EQ(after.find(kAda, session, kStart), nullptr);
  EXPECT_NE(after.join(kAda, member(kNonce, 1, kStart)).member.session, session);
}

TEST(Roster, FindsTheMemberBehindAMessage) {
  Roster roster(1);
  const auto joined = roster.join(kAda, member(kNonce, 1, kStart));

  const Roster::Member* member = roster.find(kAda, joined.member.session, kStart + seconds(3));

  ASSERT_NE(member, nullptr);
  EXPECT_EQ(member->connection.value, 1U);
  EXPECT_EQ(member->heard, kStart + seconds(3));
  EXPECT_EQ(roster.find(kAda, SessionId{joined.member.session.value + 1}, kStart), nullptr);
  EXPECT_EQ(roster.find(kBob), nullptr);
}

TEST(Roster, ForgetsClientsThatItHasNotHeardOfForTooLong) {
  Roster roster(1);
  roster.join(kAda, member(kNonce, 1, kStart));
  const auto bob = roster.join(kBob, member(kNonce, 2, kStart));
  roster.find(kBob, bob.member.session, kStart + seconds(5));

  EXPECT_EQ(roster.present(kStart + seconds(10), seconds(10)), (std::vector<ClientId>{kAda, kBob}));
  EXPECT_EQ(roster.present(kStart + seconds(11), seconds(10)), std::vector<ClientId>{kBob});
  EXPECT_EQ(roster.find(kAda), nullptr);
}

TEST(Roster, DoesNotHearOfAClientByAnUnknownSession) {
  Roster roster(1);
  const auto ada = roster.join(kAda, member(kNonce, 1, kStart));

  roster.find(kAda, SessionId{ada.member.session.value + 1}, kStart + seconds(9));

  EXPECT_TRUE(roster.present(kStart + seconds(11), seconds(10)).empty());
}

TEST(Roster, ListsClientsSortedByName) {
  Roster roster(1);
  roster.join(kBob, member(kNonce, 1, kStart));
  roster.join(kAda, member(kNonce, 2, kStart));

  EXPECT_EQ(roster.present(kStart, seconds(1)), (std::vector<ClientId>{kAda, kBob}));
}

TEST(Roster, ForgetsClientsThatLeave) {
  Roster roster(1);
  roster.join(kAda, member(kNonce, 1, kStart));

  roster.leave(kAda);
  roster.leave(kBob);

  EXPECT_TRUE(roster.members().empty());
}

}  // namespace
}  // namespace lorae::coordinator
