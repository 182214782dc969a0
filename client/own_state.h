#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"

namespace lorae::client {

/// What a client keeps of its own from round to round, and never sends. Two are held in `folder`:
/// `own`, as the last update that counted left it, and `own.next`, as the newest training did.
/// Which of them goes on is decided when the coordinator says which round counted, so a client that
/// is killed, late or refused goes on from where its last counted update left it. Written
/// atomically; what is damaged is not there. The folder is made with the first state. Threads:
/// none.
class OwnState {
 public:
  explicit OwnState(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// As the update of round `counted` of `run` left it; nullopt if that is not here.
  std::optional<Bytes> find(const std::string& run, RoundId counted);
  /// The newest one of `run`, whether or not it counted.
  std::optional<Bytes> newest(const std::string& run) const;
  /// As the training of `round` left it. Replaces what no `find` asked for.
  /// Errors: kUnavailable if the disk is full.
  void keep(const std::string& run, RoundId round, ByteView state);

 private:
  std::filesystem::path current() const { return folder_ / "own"; }
  std::filesystem::path next() const { return folder_ / "own.next"; }

  std::filesystem::path folder_;
};

}  // namespace lorae::client
