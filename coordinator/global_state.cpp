#include "coordinator/global_state.h"

#include <utility>

#include "base/error.h"
#include "tensors/safetensors.h"

namespace lorae::coordinator {

GlobalState::GlobalState(const StateDict& initial,
                         const aggregation::ServerOptions& server,
                         adapters::AdapterInfo info,
                         StateDict constant)
    : info_(std::move(info)),
      constant_(std::move(constant)),
      tensors_(initial.clone()),
      server_(aggregation::make_server_optimizer(server)) {}

void GlobalState::step(const StateDict& pseudo_gradient) {
  next_ = tensors_.clone();
  server_->step_(next_, pseudo_gradient);
  next_digest_ = digest_of(next_);
}

adapters::Adapter GlobalState::adapter_of(RoundId round, const StateDict& state) const {
  adapters::AdapterInfo info = info_;
  info.round = round;
  return {info, joined(state, constant_)};
}

void GlobalState::save(const runs::RunDirectory& directory) const {
  const RoundId round = version_.next();
  save_safetensors(directory.server_state_path(round), server_->state());
  adapters::save_adapter(directory.adapter_path(round), adapter_of(round, next_));
}

void GlobalState::save_best(const runs::RunDirectory& directory,
                            RoundId round,
                            const StateDict& state) const {
  adapters::save_adapter(directory.best_path(), adapter_of(round, state));
}

void GlobalState::commit() {
  tensors_ = std::exchange(next_, {});
  version_ = version_.next();
}

void GlobalState::restore(const runs::RunDirectory& directory,
                          RoundId version,
                          const std::string& digest_hex) {
  const auto path = directory.adapter_path(version);
  adapters::Adapter adapter = adapters::load_adapter(path);
  adapters::check_fits(adapter.info, info_);
  check_aligned(joined(tensors_, constant_), adapter.state);
  StateDict state = part_like(adapter.state, tensors_);
  check(digest_of(state).hex() == digest_hex, ErrorCode::kCorruptData, "[run] '", path.string(),
        "' is not the model that the journal committed; restore it from a backup");
  server_->restore(load_safetensors(directory.server_state_path(version)).state);
  tensors_ = std::move(state);
  version_ = version;
}

}  // namespace lorae::coordinator
