#include "coordinator/selection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace lorae::coordinator {
namespace {

std::vector<ClientId> clients(int count) {
  std::vector<ClientId> made;
  for (int i = 0; i < count; ++i) {
    made.push_back(ClientId{std::string(1, static_cast<char>('a' + i))});
  }
  return made;
}

TEST(SelectCohort, TakesAllIfTheSizeIsZeroOrMoreThanThereAre) {
  EXPECT_EQ(select_cohort(clients(4), 0, RoundId{1}, Seed{1}), clients(4));
  EXPECT_EQ(select_cohort(clients(4), 4, RoundId{1}, Seed{1}), clients(4));
  EXPECT_EQ(select_cohort(clients(4), 9, RoundId{1}, Seed{1}), clients(4));
  EXPECT_TRUE(select_cohort({}, 3, RoundId{1}, Seed{1}).empty());
}

TEST(SelectCohort, TakesAsManyAsAskedForOnceEachAndSorted) {
  const auto all = clients(10);
  for (RoundId round{1}; round <= RoundId{20}; round = round.next()) {
    const auto cohort = select_cohort(all, 4, round, Seed{1});

    EXPECT_EQ(cohort.size(), 4U);
    EXPECT_TRUE(std::is_sorted(cohort.begin(), cohort.end()));
    EXPECT_EQ(std::adjacent_find(cohort.begin(), cohort.end()), cohort.end());
    EXPECT_TRUE(std::includes(all.begin(), all.end(), cohort.begin(), cohort.end()));
  }
}

TEST(SelectCohort, DoesNotDependOnTheOrderOfArrival) {
  auto ready = clients(10);
  const auto cohort = select_cohort(ready, 4, RoundId{3}, Seed{1});
  Random random(5);
  for (int i = 0; i < 20; ++i) {
    random.shuffle(std::span(ready));
    EXPECT_EQ(select_cohort(ready, 4, RoundId{3}, Seed{1}), cohort);
  }
}

TEST(SelectCohort, DependsOnTheSeedAndTheRound) {
  const auto all = clients(20);
  const auto cohort = select_cohort(all, 5, RoundId{1}, Seed{1});

  EXPECT_EQ(select_cohort(all, 5, RoundId{1}, Seed{1}), cohort);
  EXPECT_NE(select_cohort(all, 5, RoundId{2}, Seed{1}), cohort);
  EXPECT_NE(select_cohort(all, 5, RoundId{1}, Seed{2}), cohort);
}

TEST(SelectCohort, TakesEachClientEquallyOften) {
  std::map<ClientId, int> counts;
  for (RoundId round{1}; round <= RoundId{5000}; round = round.next()) {
    for (const ClientId& client : select_cohort(clients(5), 2, round, Seed{1})) {
      ++counts[client];
    }
  }

  ASSERT_EQ(counts.size(), 5U);
  for (const auto& [client, count] : counts) {
    EXPECT_NEAR(count, 2000, 210) << client;  // six standard deviations
  }
}

}  // namespace
}  // namespace lorae::coordinator
