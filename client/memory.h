#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/ids.h"
#include "base/metrics.h"
#include "client/object_buffer.h"
#include "client/own_state.h"
#include "codec/block.h"

namespace lorae::client {

/// What local training leaves to be sent.
struct TrainedUpdate {
  Bytes payload;  ///< by the plan's uplink chain
  std::int64_t num_examples = 0;
  Metrics metrics;  ///< of the training; "loss/train" is the mean over the last local epoch

  bool operator==(const TrainedUpdate&) const = default;
};

/// What an update belongs to. The same key trains to the same update, as long as the device's
/// images and the run's `rounds`, which the learning rate's schedule ends with, stay the same.
struct UpdateKey {
  std::string run;
  RoundId round = {};
  Digest model;  ///< of the global state that it starts from

  bool operator==(const UpdateKey&) const = default;
};

/// What a client remembers across connections and restarts. Threads: none but where noted: a
/// backbone is read, verified and written where a client trains, so that its protocol never waits.
class Memory {
 public:
  virtual ~Memory() = default;

  /// Whether the backbone, of so many bytes, was kept before; a cheap look that may be wrong about
  /// a damaged copy.
  virtual bool has_backbone(const Digest& digest, std::uint64_t bytes) const = 0;
  /// The backbone's bytes, verified; nullptr, and a damaged copy is removed, if they are not there.
  /// Threads: that which trains.
  virtual std::shared_ptr<const Bytes> backbone(const Digest& digest) = 0;
  /// Where a backbone of so many bytes is put together as it comes; for the clients of one process
  /// one and the same.
  virtual std::shared_ptr<ObjectBuffer> incoming_backbone(const Digest& /*digest*/,
                                                          std::uint64_t bytes) {
    return std::make_shared<ObjectBuffer>(bytes);
  }
  /// Errors: kUnavailable if it cannot be kept. Threads: that which trains.
  virtual void keep_backbone(const Digest& digest, std::shared_ptr<const Bytes> bytes) = 0;

  /// What was trained, before it is coded, beside what it began with; for those who want to look
  /// at it. Errors: kUnavailable if it cannot be kept. Threads: that which trains.
  virtual void on_trained(const UpdateKey& /*key*/,
                          const codec::Blocks& /*local*/,
                          const codec::Blocks& /*global*/) {}

  /// An update that was trained but not acknowledged yet.
  virtual std::optional<TrainedUpdate> update(const UpdateKey& key) = 0;
  /// Remembers `update` and forgets every other one; nullptr only forgets.
  virtual void keep_update(const UpdateKey& key, const TrainedUpdate* update) = 0;

  /// The global state that the client holds; see codec/lattice.h. It is not kept over a restart.
  /// Threads: any.
  struct Held {
    std::string run;
    RoundId version = {};  ///< 0: none
    std::shared_ptr<const codec::Blocks> state;
  };
  Held held() const {
    const std::lock_guard lock(held_mutex_);
    return held_;
  }
  void hold(Held held) {
    const std::lock_guard lock(held_mutex_);
    held_ = std::move(held);
  }

  /// What the client keeps of its own and never sends. Threads: that which trains.
  virtual OwnState& own_state() = 0;

 private:
  mutable std::mutex held_mutex_;
  Held held_;
};

}  // namespace lorae::client
