#include "base/metrics.h"

#include <gtest/gtest.h>

namespace lorae {
namespace {

TEST(Metrics, TheFirstIsTheMainOne) {
  Metrics metrics{{"map50_95", 0.4}, {"map50", 0.6}};
  metrics.set("loss/box", 1.5);

  EXPECT_EQ(metrics.main_name(), "map50_95");
  EXPECT_EQ(metrics.find("loss/box"), 1.5);
}

TEST(Metrics, AValueIsReplacedWhereItStands) {
  Metrics metrics{{"top1", 0.1}, {"top5", 0.5}};
  metrics.set("top1", 0.2);

  EXPECT_EQ(metrics, (Metrics{{"top1", 0.2}, {"top5", 0.5}}));
}

TEST(Metrics, WhatWasNotMeasuredIsAbsent) {
  const Metrics metrics{{"top1", 0.0}};

  EXPECT_EQ(metrics.find("top1"), 0.0);
  EXPECT_EQ(metrics.find("top5"), std::nullopt);
  EXPECT_EQ(Metrics{}.main_name(), "");
}

}  // namespace
}  // namespace lorae
