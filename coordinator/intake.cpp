#include "coordinator/intake.h"

#include <utility>

#include "adapters/blocks.h"

namespace lorae::coordinator {

Intake::Intake(const ExchangeOptions& exchange, codec::Layout layout)
    : chain_(codec::Chain::parse(exchange.uplink)),
      layout_(std::move(layout)),
      most_(exchange.max_uplink),
      options_(exchange.rule),
      rule_(aggregation::make_aggregator(exchange.rule)) {}

Result<Receipt> Intake::accept(ByteView payload, const codec::Blocks& held) const {
  auto decoded = chain_.decode_delta(payload, layout_, held);
  if (!decoded) {
    return decoded.error();
  }
  return Receipt{adapters::to_state(decoded->blocks), std::move(decoded->stages)};
}

void Intake::add(const ClientId& client, const Receipt& receipt, std::int64_t num_examples) {
  rule_->add({.client = client,
              .weight = aggregation::weight_of(options_, num_examples),
              .delta = receipt.delta});
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
