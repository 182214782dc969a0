#include "client/trainer.h"

#include "adapters/blocks.h"
#include "base/error.h"
#include "codec/pipeline.h"
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

void Trainer::prepare(const Work& work, Memory& memory) {
  const Digest wanted = digest_of_setup(work);
  if (learner_ && wanted == prepared_for_) {
    return;
  }
  const auto bytes = memory.backbone(work.backbone);
  check(bytes.has_value(), ErrorCode::kCorruptData,
        "[client] the cached backbone is damaged; it will be fetched again");
  plan_ = training::parse_plan(work.plan);
  learner_.emplace(plan_, safetensors_unpack(*bytes).value().state);
  prepared_for_ = wanted;
}

TrainedUpdate Trainer::train(const Work& work, Memory& memory) {
  prepare(work, memory);
  const auto downlink = codec::Pipeline::parse(plan_.method.downlink);
  const auto uplink = codec::Pipeline::parse(plan_.method.uplink);
  const codec::Blocks like = adapters::to_blocks(learner_->trainable());
  const codec::Blocks global = downlink.decode_state(work.model, like).value();
  learner_->load(adapters::to_state(global));
  const auto result = learner_->fit_round(images_(plan_, work), work.client.name, work.key.round,
                                          work.learning_rate_factor);
  return {.payload = uplink.encode(adapters::to_blocks(learner_->trainable()), global),
          .num_examples = result.num_examples,
          .train_loss = result.loss};
}

ImageSource planned_share() {
  struct Cache {
    std::uint64_t index = 0;
    std::uint64_t count = 0;  // 0: nothing loaded yet
    data::ImageSet images;
  };
  return [cache = std::make_shared<Cache>()](const training::Plan& plan, const Work& work) {
    if (cache->count != work.share_count || cache->index != work.share_index) {
      const Seed seed{plan.seed};
      const auto all = training::private_images(plan.data, plan.model, seed);
      const auto shares = training::private_shares(
          plan.data, all, static_cast<std::int64_t>(work.share_count), seed);
      *cache = {work.share_index, work.share_count, all.select(shares.at(work.share_index))};
    }
    return cache->images;
  };
}

ImageSource own_images(const std::string& path, const std::string& part) {
  const data::SharePart share = part.empty() ? data::SharePart{} : data::parse_share(part);
  auto cache = std::make_shared<std::optional<data::ImageSet>>();
  return [=](const training::Plan& plan, const Work& /*work*/) {
    if (!*cache) {
      auto images =
          data::open_image_set(path, training::input_shape(plan.model), data::Split::kTrain);
      training::check_classes(images, plan.model);
      if (share.count > 1) {
        // By the images alone, so that devices with the same copy take different parts of it.
        const auto shares = data::partition_iid(images.size(), share.count, Seed{});
        images = images.select(shares.at(static_cast<std::size_t>(share.index)));
      }
      *cache = std::move(images);
    }
    return **cache;
  };
}

}  // namespace lorae::client
