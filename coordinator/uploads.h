#pragma once

#include <map>
#include <string>

#include "base/ids.h"
#include "base/metrics.h"
#include "wire/messages.h"

namespace lorae::coordinator {

/// An update whose last byte has come and whose digest is right.
struct ReceivedUpdate {
  ClientId client;
  RoundId round = {};
  Digest object;
  std::int64_t num_examples = 0;
  Metrics metrics;  ///< as the client measured them
  Bytes payload;
};

/// Puts updates together from their pieces, one per client, within a memory budget.
class Uploads {
 public:
  struct Limits {
    std::uint64_t update_bytes = 64U << 20U;   ///< of one update
    std::uint64_t partial_bytes = 64U << 20U;  ///< of all unfinished updates; one is always let in
    std::int64_t max_examples = 1000000;
  };
  explicit Uploads(Limits limits) : limits_(limits) {}

  /// What to tell the client: kProgress with the offset to go on from, kWait if the budget is
  /// promised to others (who can always finish), kRejected with a reason, or kAccepted with the
  /// update in `finished`.
  struct Step {
    wire::VerdictKind kind = wire::VerdictKind::kProgress;
    std::uint64_t next_offset = 0;
    std::string detail;
    ReceivedUpdate finished;
  };
  Step add(const ClientId& client, wire::Update piece);

  void forget(const ClientId& client);
  void forget_all();
  /// Memory promised to unfinished updates. Units: bytes.
  std::uint64_t partial_bytes() const { return partial_bytes_; }

 private:
  struct Partial {
    RoundId round = {};
    Digest object;
    std::uint64_t total = 0;
    Bytes data;
  };

  Limits limits_;
  std::map<ClientId, Partial> partial_;
  std::uint64_t partial_bytes_ = 0;
};

}  // namespace lorae::coordinator
