#include "client/local_round.h"

#include <cmath>
#include <utility>

#include "adapters/blocks.h"
#include "base/log.h"
#include "codec/chain.h"
#include "codec/class_sums.h"
#include "codec/lattice.h"
#include "data/formats/open.h"
#include "data/split.h"
#include "tensors/safetensors.h"
#include "training/shares.h"

namespace lorae::client {
namespace {

// What a device keeps of its own is in one file, under these names.
constexpr const char* kNorms = "norms/";
constexpr const char* kLost = "lost/";  // what its last update did not say

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
  division_ = {};
  const StateDict backbone = safetensors_view(bytes).value().state;
  learner_.emplace(plan_, backbone, device_);
  if (on_model_) {
    on_model_(learner_->model());
  }
  description_ = learner_->description(backbone);
  last_ = {};
  start_ = plan_.method.lattice > 0 ? codec::on_grid(adapters::to_blocks(learner_->trainable()))
                                    : codec::Blocks{};
  prepared_for_ = wanted;
}

/// `version`: of the state that `work` brings.
codec::Blocks LocalRound::global_state(const Work& work, RoundId version, Memory& memory) {
  const codec::Layout layout = adapters::layout_of(learner_->trainable());
  if (plan_.method.lattice <= 0) {
    const auto downlink = codec::Chain::parse(plan_.method.downlink);
    return downlink.decode_state(work.model, layout).value().blocks;
  }
  const bool told = work.state != ShortDigest{};
  if (last_.state != nullptr && last_.run == work.key.run && last_.version == version &&
      (!told || last_digest_ == work.state)) {
    memory.hold(last_);  // it was made before: for this client, or for another one
    return *last_.state;
  }
  const Memory::Held held = memory.held();
  const bool from_start = work.base_version == RoundId{0};
  check(from_start || (held.state != nullptr && held.run == work.key.run &&
                       held.version == work.base_version),
        ErrorCode::kIncompatible, "[client] the state of version ", work.base_version,
        " is not here");
  auto state = std::make_shared<const codec::Blocks>(codec::sum(
      from_start ? start_ : *held.state, codec::decode_difference(work.model, layout).value()));
  last_digest_ = shortened(codec::digest_of(*state));
  last_ = {work.key.run, version, std::move(state)};
  if (told && last_digest_ != work.state) {
    memory.hold({});  // the next one comes from the start
    last_ = {};
    fail(ErrorCode::kCorruptData, "[client] the global state of version ", version,
         " is not the coordinator's: it is asked for again from the start");
  }
  memory.hold(last_);
  return *last_.state;
}

/// What this device kept of its own after its last update that counted; nothing if it has never
/// kept anything, or lost its disk: then it begins anew, as all did.
StateDict LocalRound::kept_of_its_own(const Work& work, OwnState& kept) {
  if (const auto bytes = kept.find(work.key.run, work.counted)) {
    return safetensors_unpack(*bytes).value().state;
  }
  if (work.counted > RoundId{0}) {
    log_warning("own_state.lost", "what this device kept of its own after round ", work.counted,
                " is not here; it begins anew");
  }
  return {};
}

adapters::Adapter LocalRound::adapter_of(const Work& work, RoundId version, Memory& memory) {
  prepare(work, memory);
  adapters::AdapterInfo info = description_;
  info.round = version;
  StateDict state =
      joined(adapters::to_state(global_state(work, version, memory)), learner_->constant());
  if (!learner_->own().empty()) {
    const auto bytes = memory.own_state().newest(work.key.run);
    const StateDict norms =
        bytes ? part_of(safetensors_unpack(*bytes).value().state, kNorms) : StateDict{};
    learner_->load_own(norms.empty() ? nullptr : &norms);
    state = joined(state, learner_->own().clone());
    info.norm = adapters::Norm::kTrained;  // so whoever reads the file finds them in it
  }
  return {std::move(info), std::move(state)};
}

/// The division depends on the plan, the client and how many images it has alone.
const LocalRound::Division& LocalRound::divided(const Work& work) {
  const data::DatasetPtr whole = images_(plan_, work);
  if (division_.whole == whole && division_.client == work.client) {
    return division_;
  }
  const auto held =
      static_cast<std::int64_t>(plan_.training.holdout * static_cast<double>(whole->size()));
  division_ = {whole, work.client, whole, nullptr};
  if (held > 0) {
    auto [judged, trained] =
        data::split_domain(whole->size(), held, whole->size() - held,
                           Seed{plan_.seed}.derive("holdout", work.client.name));
    division_.trained = data::subset(whole, std::move(trained));
    division_.judged = data::subset(whole, std::move(judged));
  }
  return division_;
}

Metrics LocalRound::judgement(const data::DatasetPtr& images) const {
  const Metrics all = images == nullptr ? Metrics{} : learner_->evaluate(images);
  const double value = all.empty() ? std::nan("") : all.begin()->second;
  return std::isfinite(value) ? Metrics{{"client/" + all.main_name(), value}} : Metrics{};
}

TrainedUpdate LocalRound::train(const Work& work, Memory& memory) {
  prepare(work, memory);
  const bool counts = plan_.method.head_start == training::HeadStart::kClassMeans &&
                      work.key.round == codec::kClassSumsRound;
  const auto uplink = codec::Chain::parse(counts ? codec::kClassSumsUplink : plan_.method.uplink);
  const codec::Blocks global = global_state(work, RoundId{work.key.round.value - 1}, memory);
  learner_->load(adapters::to_state(global));
  const bool keeps = plan_.method.feedback || !learner_->own().empty();
  const StateDict kept = keeps ? kept_of_its_own(work, memory.own_state()) : StateDict{};
  const StateDict norms = part_of(kept, kNorms), lost = part_of(kept, kLost);
  learner_->load_own(norms.empty() ? nullptr : &norms);
  const Division& images = divided(work);
  const Metrics judged = judgement(images.judged);
  const auto result = counts ? learner_->add_class_sums(images.trained)
                             : learner_->fit_round(images.trained, work.client.name, work.key.round,
                                                   work.learning_rate_factor, work.rank_max);
  Metrics metrics = counts ? Metrics{} : Metrics{{"loss/train", result.loss}};
  for (const auto& [name, value] : judged) {
    metrics.set(name, value);
  }
  codec::Blocks local = adapters::to_blocks(learner_->trainable());
  if (!lost.empty()) {
    local = codec::sum(local, adapters::to_blocks(lost));
  }
  memory.on_trained(work.key, local, global);
  const codec::Turn turn{
      .round = work.key.round.value,
      .seed = Seed{plan_.seed}.derive("codec", work.client.name, work.key.round.value).value};
  const ByteCount most = plan_.method.max_uplink;
  Bytes payload = (most.value > 0 ? uplink.encode_within(most, local, global, turn)
                                  : uplink.encode(local, global, turn))
                      .payload;
  if (keeps) {
    StateDict next = with_prefix(kNorms, learner_->own());
    if (plan_.method.feedback && !counts) {
      next =
          joined(next, with_prefix(kLost, adapters::to_state(uplink.lost(payload, local, global))));
    }
    memory.own_state().keep(work.key.run, work.key.round, safetensors_pack(next));
  }
  return {.payload = std::move(payload),
          .num_examples = result.num_examples,
          .metrics = std::move(metrics)};
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
