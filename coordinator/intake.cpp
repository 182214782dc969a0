#include "coordinator/intake.h"

#include <utility>

#include "adapters/blocks.h"
#include "codec/class_sums.h"

namespace lorae::coordinator {

Intake::Intake(const ExchangeOptions& exchange, codec::Layout layout)
    : chain_(codec::Chain::parse(exchange.uplink)),
      class_sums_(codec::Chain::parse(codec::kClassSumsUplink)),
      layout_(std::move(layout)),
      most_(exchange.max_uplink),
      options_(exchange.rule),
      class_means_(exchange.class_means),
      local_steps_(exchange.local_steps),
      rule_(aggregation::make_aggregator(exchange.rule)) {}

bool Intake::sums_classes(RoundId round) const {
  return class_means_ && round == codec::kClassSumsRound;
}

std::unique_ptr<aggregation::Aggregator> Intake::rule_of(RoundId round) const {
  return sums_classes(round) ? std::make_unique<aggregation::ClassMeans>(*class_means_)
                             : aggregation::make_aggregator(options_);
}

Result<Receipt> Intake::accept(ByteView payload, const codec::Blocks& held, RoundId round) const {
  const codec::Chain& chain = sums_classes(round) ? class_sums_ : chain_;
  auto decoded = chain.decode_delta(payload, layout_, held);
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

void Intake::begin(const StateDict& base, RoundId round) {
  rule_ = rule_of(round);
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
