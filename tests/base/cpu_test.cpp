#include "base/cpu.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace lorae {
namespace {

TEST(CpuNamed, IsTheBestWithoutAWish) {
  EXPECT_EQ(cpu_named("", Cpu::kAvx2), Cpu::kAvx2);
}

TEST(CpuNamed, TakesWhatTheProcessorHas) {
  for (const Cpu cpu : {Cpu::kAny, Cpu::kAvx2, Cpu::kAvx512}) {
    EXPECT_EQ(cpu_named(name_of(cpu), Cpu::kAvx512), cpu);
  }
}

TEST(CpuNamed, RefusesMoreThanTheProcessorHas) {
  try {
    cpu_named("avx512", Cpu::kAvx2);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidConfig);
    EXPECT_NE(std::string(error.what()).find("at most avx2"), std::string::npos) << error.what();
  }
}

TEST(CpuNamed, RefusesWordsThatItDoesNotKnow) {
  EXPECT_THROW(cpu_named("sse", Cpu::kAvx512), Error);
}

TEST(ChosenCpu, IsAtMostWhatTheProcessorHas) {
  EXPECT_LE(chosen_cpu(), best_cpu());
}

}  // namespace
}  // namespace lorae
