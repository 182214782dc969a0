#include "coordinator/intake.h"

#include <utility>

#include "adapters/blocks.h"

namespace lorae::coordinator {

Intake::Intake(const ExchangeOptions& exchange, codec::Layout layout)
    : chain_(codec::Chain::parse(exchange.uplink)),
      layout_(std::move(layout)),
      most_(exchange.max_uplink),
      options_(exchange.rule),
      local_steps_(exchange.local_steps),
      rule_(aggregation::make_aggregator(exchange.rule)) {}

Result<Receipt> Intake::accept(ByteView payload, const codec::Blocks& held) const {
  auto decoded = chain_.decode_delta(payload, layout_, held);
  if (!decoded) {
    return decoded.error();
  }
  return Receipt{adapters::to_state(decoded->blocks), std::move(decoded->stages)};
}

aggregation::ClientUpdate Intake::update_of(const ClientId& client,
                                            StateDict delta,
                                            std::int64_t num_examples) const {
  const aggregation::LocalWork work{.examples = num_examples,
                                    .steps = local_steps_ ? local_steps_(num_examples) : 1};
  return {.client = client,
          .weight = aggregation::weight_of(options_, work),
          .delta = std::move(delta),
          .work = work};
}

void Intake::add(const ClientId& client, const Receipt& receipt, std::int64_t num_examples) {
  rule_->add(update_of(client, receipt.delta, num_examples));
}

void Intake::begin(const StateDict& base) {
  rule_ = aggregation::make_aggregator(options_);
  rule_->begin(base);
}

std::uint64_t Intake::max_update_bytes() const {
  if (most_.value > 0) {
    return static_cast<std::uint64_t>(most_.value);
  }
  constexpr std::uint64_t kOverheadPerBlock = 256;
  std::uint64_t bytes = 0;
  for (const codec::BlockShape& block : layout_.blocks()) {
    const std::uint64_t raw = block.numel() * sizeof(float);
    bytes += raw + raw / 64 + kOverheadPerBlock;  // zstd's bound for what does not compress
  }
  return bytes;
}

}  // namespace lorae::coordinator
