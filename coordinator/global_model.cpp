#include "coordinator/global_model.h"

#include <utility>

#include "adapters/blocks.h"
#include "base/error.h"
#include "tensors/safetensors.h"

namespace lorae::coordinator {

GlobalModel::GlobalModel(StateDict initial, const GlobalModelOptions& options)
    : options_(options),
      uplink_(codec::Pipeline::parse(options.uplink)),
      downlink_(codec::Pipeline::parse(options.downlink)),
      state_(initial.clone()),
      server_(options.server) {
  encode();
}

void GlobalModel::encode() {
  const codec::Blocks blocks = adapters::to_blocks(state_);
  encoded_ = downlink_.encode_state(blocks);
  encoded_digest_ = digest_of(encoded_);
  received_ = downlink_.lossless() ? blocks : downlink_.decode_state(encoded_, blocks).value();
}

Result<bool> GlobalModel::check_update(ByteView payload) const {
  const auto delta = uplink_.decode_delta(payload, received_);
  if (!delta) {
    return delta.error();
  }
  return true;
}

std::vector<codec::LayerBytes> GlobalModel::uplink_bytes(ByteView payload) const {
  return uplink_.layer_bytes(payload, received_);
}

std::vector<codec::LayerBytes> GlobalModel::downlink_bytes() const {
  return downlink_.layer_bytes(encoded_, received_);
}

void GlobalModel::add(ByteView payload, std::int64_t num_examples) {
  mean_.add(adapters::to_state(uplink_.decode_delta(payload, received_).value()), num_examples);
}

void GlobalModel::step() {
  next_state_ = state_.clone();
  server_.step_(next_state_, mean_.finish());
  next_digest_ = digest_of(next_state_);
}

void GlobalModel::save(const runs::RunDirectory& directory) const {
  const RoundId next = version_ + 1;
  adapters::AdapterInfo info = options_.info;
  info.round = next;
  save_safetensors(directory.server_state_path(next), server_.state());
  adapters::save_adapter(directory.adapter_path(next), {info, next_state_});
}

void GlobalModel::commit() {
  state_ = std::exchange(next_state_, {});
  ++version_;
  encode();
}

void GlobalModel::restore(const runs::RunDirectory& directory,
                          RoundId version,
                          const std::string& digest_hex) {
  const auto path = directory.adapter_path(version);
  adapters::Adapter adapter = adapters::load_adapter(path);
  adapters::check_fits(adapter.info, options_.info);
  check_aligned(state_, adapter.state);
  check(digest_of(adapter.state).hex() == digest_hex, ErrorCode::kCorruptData, "[run] '",
        path.string(), "' is not the model that the journal committed; restore it from a backup");
  state_ = std::move(adapter.state);
  server_.restore(load_safetensors(directory.server_state_path(version)).state);
  version_ = version;
  encode();
}

std::uint64_t GlobalModel::max_update_bytes() const {
  constexpr std::uint64_t kOverheadPerBlock = 256;
  std::uint64_t bytes = 0;
  for (const codec::Block& block : received_) {
    const std::uint64_t raw = block.values.size() * sizeof(float);
    bytes += raw + raw / 64 + kOverheadPerBlock;  // zstd's bound for what does not compress
  }
  return bytes;
}

}  // namespace lorae::coordinator
