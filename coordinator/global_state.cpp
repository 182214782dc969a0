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

// Of the server's file: what it holds, so that another one is not taken for it.
constexpr const char* kDigestKey = "digest";
constexpr const char* kRoundKey = "round";

bool is_variance(const std::string& name) {
  return name.ends_with(adapters::kVarianceSuffix);
}

bool is_statistic(const std::string& name) {
  return is_variance(name) || name.ends_with(adapters::kMeanSuffix);
}

/// The entries that are statistics, or those that are not.
StateDict parted(const StateDict& state, bool statistics) {
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, tensor] : state) {
    if (is_statistic(name) == statistics) {
      entries.emplace_back(name, tensor);
    }
  }
  return StateDict(std::move(entries));
}

void add_(const StateDict& state, const StateDict& step) {
  const torch::NoGradGuard no_grad;
  for_each_aligned([](const at::Tensor& to, const at::Tensor& by) { to.add_(by); }, state, step);
}

/// Rounding, by clients or by a lattice, may lead below.
void keep_variances_positive(const StateDict& state) {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : state) {
    if (is_variance(name)) {
      tensor.clamp_min_(0);
    }
  }
}

/// What of a server's file is the optimiser's; earlier builds had it move statistics, too.
StateDict moments_in(const StateDict& state) {
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, tensor] : state) {
    const bool of_statistic = name.find(adapters::kMeanSuffix) != std::string::npos ||
                              name.find(adapters::kVarianceSuffix) != std::string::npos;
    if (!name.starts_with(kLeft) && !of_statistic) {
      entries.emplace_back(name, tensor);
    }
  }
  return StateDict(std::move(entries));
}

/// Files of earlier builds say nothing of what they hold.
StateDict server_state(const std::filesystem::path& path, RoundId version) {
  SafetensorsFile file = load_safetensors(path);
  const auto said = [&](const char* key, const std::string& otherwise) {
    const auto found = file.metadata.find(key);
    return found == file.metadata.end() ? otherwise : found->second;
  };
  const std::string digest = digest_of(file.state).hex(), round = str(version);
  check(said(kDigestKey, digest) == digest && said(kRoundKey, round) == round,
        ErrorCode::kCorruptData, "[run] '", path.string(), "' is not what round ", round,
        " left of the server's optimiser; restore it from a backup");
  return std::move(file.state);
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
  const StateDict& step = aggregate.pseudo_gradient;
  if (aggregate.whole) {
    add_(state, step);
  } else {
    server_->step_(parted(state, false), parted(step, false));
    add_(parted(state, true), parted(step, true));  // measured, not learned: their mean it is
  }
  keep_variances_positive(state);
}

void GlobalState::step(const aggregation::Aggregate& aggregate) {
  next_ = tensors_.clone();
  if (!lattice_) {
    move(next_, aggregate);
  } else {
    add_(next_, left_);
    move(next_, aggregate);
    const codec::Blocks wanted = adapters::to_blocks(next_);
    next_ = adapters::to_state(
        lattice_->next(adapters::to_blocks(tensors_), wanted, aggregate.whole ? kWholeIsFiner : 1));
    keep_variances_positive(next_);
    next_left_ = adapters::to_state(lattice_->left(wanted, adapters::to_blocks(next_)));
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
  const StateDict server = joined(server_->state(), with_prefix(kLeft, next_left_));
  save_safetensors(directory.server_state_path(round), server,
                   {{kDigestKey, digest_of(server).hex()}, {kRoundKey, str(round)}});
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
  const StateDict server = server_state(directory.server_state_path(version), version);
  if (lattice_) {
    left_ = part_like(part_of(server, kLeft), tensors_);
  }
  if (moments) {
    server_->restore(moments_in(server));
  }
  tensors_ = std::move(state);
  version_ = version;
}

}  // namespace lorae::coordinator
