#pragma once

#include <filesystem>
#include <span>

#include "adapters/adapter_file.h"
#include "aggregation/server_sgd.h"
#include "aggregation/weighted_mean.h"
#include "codec/pipeline.h"
#include "runs/run_directory.h"

namespace lorae::coordinator {

struct GlobalModelOptions {
  aggregation::ServerOptions server;
  std::string uplink = "delta,int8:row,zstd";
  std::string downlink = "zstd";
  adapters::AdapterInfo info;  ///< of the saved files; the round is filled in
};

/// The federated state and how it moves: decode updates, aggregate, step, save. Threads: none.
class GlobalModel {
 public:
  /// `initial` is version 0. Errors: kInvalidConfig for a bad codec chain.
  GlobalModel(StateDict initial, const GlobalModelOptions& options);

  RoundId version() const { return version_; }
  const StateDict& state() const { return state_; }
  Digest digest() const { return digest_of(state_); }

  /// What clients download: `state` by the downlink chain.
  const Bytes& encoded() const { return encoded_; }
  const Digest& encoded_digest() const { return encoded_digest_; }

  /// Checks an update without keeping it. Errors (returned): kCorruptData.
  Result<bool> check_update(ByteView payload) const;
  std::vector<codec::LayerBytes> uplink_bytes(ByteView payload) const;
  std::vector<codec::LayerBytes> downlink_bytes() const;

  /// One round's aggregation, one update at a time, in the order of `add`; `begin` forgets what an
  /// interrupted attempt has added.
  void begin() { mean_ = {}; }
  void add(ByteView payload, std::int64_t num_examples);
  /// The model after the round, not yet in force: `save` it, then `commit`.
  void step();
  /// Atomic files in `directory`: the adapter for people, the server's momentum for a restart.
  /// Errors: kUnavailable if the disk is full; call again.
  void save(const runs::RunDirectory& directory) const;
  void commit();
  const Digest& next_digest() const { return next_digest_; }

  /// Takes the state of a saved version. Errors: kCorruptData if the adapter's digest is not
  /// `digest_hex`; kIncompatible if it is one of another model.
  void restore(const runs::RunDirectory& directory, RoundId version, const std::string& digest_hex);

  /// The largest payload that an update can have. Units: bytes.
  std::uint64_t max_update_bytes() const;

 private:
  void encode();

  GlobalModelOptions options_;
  codec::Pipeline uplink_;
  codec::Pipeline downlink_;
  RoundId version_ = 0;
  StateDict state_;
  codec::Blocks received_;  // `state` as clients decode it: deltas are relative to it
  Bytes encoded_;
  Digest encoded_digest_;
  aggregation::WeightedMean mean_;
  aggregation::ServerSgd server_;
  // Between `step` and `commit`:
  StateDict next_state_;
  Digest next_digest_;
};

}  // namespace lorae::coordinator
