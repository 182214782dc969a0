// Averages two updates with the installed libraries.
#include <cstdio>

#include "adapters/blocks.h"
#include "aggregation/weighted_mean.h"
#include "codec/chain.h"

int main() {
  using namespace lorae;
  const codec::Blocks zero{{"w", {2}, -1, {0.0F, 0.0F}}};
  const codec::Blocks one{{"w", {2}, -1, {1.0F, 4.0F}}};
  const auto chain = codec::Chain::parse("delta,zstd");
  const Bytes payload = chain.encode(one, zero).payload;
  const auto delta = chain.decode_delta(payload, codec::layout_of(zero), zero).value().blocks;
  aggregation::WeightedMean mean;
  mean.add(adapters::to_state(delta), 1);
  mean.add(adapters::to_state(zero), 3);
  const StateDict result = mean.finish();
  const double* values = result.at("w").data_ptr<double>();
  std::printf("%g %g\n", values[0], values[1]);
  return values[0] == 0.25 && values[1] == 1.0 ? 0 : 1;
}
