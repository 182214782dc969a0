#include "client/local_round.h"

#include <utility>

#include "adapters/blocks.h"
#include "codec/chain.h"
#include "tensors/safetensors.h"
#include "training/shares.h"

namespace lorae::client {
namespace {

Digest digest_of_setup(const Work& work) {
  Hasher hasher;
  hasher.add(work.plan);
  hasher.add(work.backbone.view());
  return hasher.finish();
}

}  // namespace

void LocalRound::prepare(const Work& work, Memory& memory) {
  if (work.fetched_backbone) {
    memory.keep_backbone(work.backbone, work.fetched_backbone);
  }
  const Digest wanted = digest_of_setup(work);
  if (learner_ && wanted == prepared_for_) {
    return;
  }
  const auto bytes = work.fetched_backbone ? work.fetched_backbone : memory.backbone(work.backbone);
  if (bytes == nullptr) {
    throw BackboneLost(ErrorCode::kCorruptData,
                       "[client] the backbone on the disk is damaged; it is fetched again");
  }
  plan_ = training::parse_plan(work.plan).plan;
  const StateDict backbone = safetensors_unpack(*bytes).value().state;
  learner_.emplace(plan_, backbone, device_);
  description_ = learner_->description(backbone);
  prepared_for_ = wanted;
}

codec::Blocks LocalRound::global_state(const Work& work) const {
  const auto downlink = codec::Chain::parse(plan_.method.downlink);
  return downlink.decode_state(work.model, adapters::layout_of(learner_->trainable()))
      .value()
      .blocks;
}

adapters::Adapter LocalRound::adapter_of(const Work& work, Memory& memory) {
  prepare(work, memory);
  adapters::AdapterInfo info = description_;
  info.round = work.key.round;
  return {std::move(info), adapters::to_state(global_state(work))};
}

TrainedUpdate LocalRound::train(const Work& work, Memory& memory) {
  prepare(work, memory);
  const auto uplink = codec::Chain::parse(plan_.method.uplink);
  const codec::Blocks global = global_state(work);
  learner_->load(adapters::to_state(global));
  const auto result = learner_->fit_round(images_(plan_, work), work.client.name, work.key.round,
                                          work.learning_rate_factor);
  const codec::Turn turn{
      .round = work.key.round.value,
      .seed = Seed{plan_.seed}.derive("codec", work.client.name, work.key.round.value).value};
  return {
      .payload = uplink.encode(adapters::to_blocks(learner_->trainable()), global, turn).payload,
      .num_examples = result.num_examples,
      .metrics = {{"loss/train", result.loss}}};
}

ImageSource planned_share() {
  struct Cache {
    std::string plan;  // empty: nothing loaded yet
    std::uint64_t index = 0;
    std::uint64_t count = 0;
    data::DatasetPtr images;
  };
  return [cache = std::make_shared<Cache>()](const training::Plan& plan, const Work& work) {
    std::string text = training::plan_text(plan);
    if (cache->plan != text || cache->count != work.share_count ||
        cache->index != work.share_index) {
      const Seed seed{plan.seed};
      const auto all = training::private_images(plan.data, plan.model, seed);
      const auto shares = training::private_shares(
          plan.data, *all, static_cast<std::int64_t>(work.share_count), seed);
      *cache = {std::move(text), work.share_index, work.share_count,
                data::subset(all, shares.at(work.share_index))};
    }
    return cache->images;
  };
}

ImageSource own_images(const std::string& path,
                       const std::string& part,
                       const std::string& class_map) {
  const data::SharePart share = part.empty() ? data::SharePart{} : data::parse_share(part);
  const data::ClassMap map = data::parse_class_map(class_map);
  data::class_names(path, {.holding = data::Holding::kPart});  // is there anything?
  struct Cache {
    std::string plan;  // empty: nothing loaded yet
    data::DatasetPtr images;
  };
  return [=, cache = std::make_shared<Cache>()](const training::Plan& plan, const Work& /*work*/) {
    std::string text = training::plan_text(plan);
    if (cache->plan != text) {
      cache->images = training::own_images(path, map, share, plan);
      cache->plan = std::move(text);
    }
    return cache->images;
  };
}

}  // namespace lorae::client
