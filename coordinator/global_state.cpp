#include "coordinator/global_state.h"

#include <utility>

#include "adapters/blocks.h"
#include "base/error.h"
#include "tensors/safetensors.h"
#include "tensors/torch.h"

namespace lorae::coordinator {
namespace {

// The server's file holds the optimiser's moments and, under these names, what a lattice left.
constexpr const char* kLeft = "left/";
// A step that is to be taken as it is would not be one in steps of its own size.
constexpr double kWholeIsFiner = 16;

StateDict without_prefix(const StateDict& state, const std::string& prefix) {
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, tensor] : state) {
    if (!name.starts_with(prefix)) {
      entries.emplace_back(name, tensor);
    }
  }
  return StateDict(std::move(entries));
}

}  // namespace

GlobalState::GlobalState(const StateDict& initial, const ExchangeOptions& exchange)
    : info_(exchange.info),
      constant_(exchange.constant),
      tensors_(initial.clone()),
      server_(aggregation::make_server_optimizer(exchange.server)) {
  if (exchange.lattice > 0) {
    lattice_.emplace(adapters::to_blocks(tensors_), exchange.lattice);
    left_ = map(tensors_, [](const at::Tensor& tensor) { return torch::zeros_like(tensor); });
  }
}

void GlobalState::move(StateDict& state, const aggregation::Aggregate& aggregate) const {
  if (!aggregate.whole) {
    server_->step_(state, aggregate.pseudo_gradient);
    return;
  }
  const torch::NoGradGuard no_grad;
  for_each_aligned([](const at::Tensor& to, const at::Tensor& step) { to.add_(step); }, state,
                   aggregate.pseudo_gradient);
}

void GlobalState::step(const aggregation::Aggregate& aggregate) {
  next_ = tensors_.clone();
  if (!lattice_) {
    move(next_, aggregate);
  } else {
    const torch::NoGradGuard no_grad;
    for_each_aligned([](const at::Tensor& to, const at::Tensor& left) { to.add_(left); }, next_,
                     left_);
    move(next_, aggregate);
    const StateDict wanted = std::exchange(
        next_,
        adapters::to_state(lattice_->next(adapters::to_blocks(tensors_), adapters::to_blocks(next_),
                                          aggregate.whole ? kWholeIsFiner : 1)));
    next_left_ = wanted;
    for_each_aligned([](const at::Tensor& left, const at::Tensor& now) { left.sub_(now); },
                     next_left_, next_);
  }
  next_digest_ = digest_of(next_);
}

adapters::Adapter GlobalState::adapter_of(RoundId round, const StateDict& state) const {
  adapters::AdapterInfo info = info_;
  info.round = round;
  return {info, joined(state, constant_)};
}

void GlobalState::save(const runs::RunDirectory& directory) const {
  const RoundId round = version_.next();
  save_safetensors(directory.server_state_path(round),
                   joined(server_->state(), with_prefix(kLeft, next_left_)));
  adapters::save_adapter(directory.adapter_path(round), adapter_of(round, next_));
}

void GlobalState::save_start(const runs::RunDirectory& directory) const {
  adapters::save_adapter(directory.adapter_path(version_), adapter_of(version_, tensors_));
}

void GlobalState::save_best(const runs::RunDirectory& directory,
                            RoundId round,
                            const StateDict& state) const {
  adapters::save_adapter(directory.best_path(), adapter_of(round, state));
}

void GlobalState::commit() {
  tensors_ = std::exchange(next_, {});
  left_ = std::exchange(next_left_, {});
  version_ = version_.next();
}

void GlobalState::restore(const runs::RunDirectory& directory,
                          RoundId version,
                          const std::string& digest_hex,
                          bool moments) {
  const auto path = directory.adapter_path(version);
  adapters::Adapter adapter = adapters::load_adapter_as_kept(path);
  adapters::check_fits(adapter.info, info_);
  check_aligned(joined(tensors_, constant_), adapter.state);
  StateDict state = part_like(adapter.state, tensors_);
  check(digest_of(state).hex() == digest_hex, ErrorCode::kCorruptData, "[run] '", path.string(),
        "' is not the model that the journal committed; restore it from a backup");
  const StateDict server = load_safetensors(directory.server_state_path(version)).state;
  if (lattice_) {
    left_ = part_like(part_of(server, kLeft), tensors_);
  }
  if (moments) {
    server_->restore(without_prefix(server, kLeft));
  }
  tensors_ = std::move(state);
  version_ = version;
}

}  // namespace lorae::coordinator
