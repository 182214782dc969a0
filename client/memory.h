#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/ids.h"

namespace lorae::client {

/// What local training leaves to be sent.
struct TrainedUpdate {
  Bytes payload;  ///< by the plan's uplink chain
  std::int64_t num_examples = 0;
  double train_loss = 0;

  bool operator==(const TrainedUpdate&) const = default;
};

/// What an update belongs to: the same key always trains to the same update.
struct UpdateKey {
  std::string run;
  RoundId round = 0;
  Digest model;  ///< of the global state that it starts from

  bool operator==(const UpdateKey&) const = default;
};

/// What a client remembers across connections and restarts. Threads: none.
class Memory {
 public:
  virtual ~Memory() = default;

  /// The backbone's bytes, if it was fetched before. Errors: none; a damaged copy is forgotten.
  virtual std::optional<Bytes> backbone(const Digest& digest) = 0;
  virtual void keep_backbone(const Digest& digest, Bytes bytes) = 0;

  /// An update that was trained but not acknowledged yet.
  virtual std::optional<TrainedUpdate> update(const UpdateKey& key) = 0;
  /// Remembers `update` and forgets every other one; nullptr only forgets.
  virtual void keep_update(const UpdateKey& key, const TrainedUpdate* update) = 0;
};

}  // namespace lorae::client
