#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/ids.h"

namespace lorae::runs {

/// Meta key and value by which a run is known to be over; see `find_unfinished`.
inline constexpr std::string_view kStateKey = "state";
inline constexpr std::string_view kStateFinished = "finished";

enum class Direction { kUplink, kDownlink };

/// "uplink" or "downlink".
std::string_view direction_name(Direction direction);

/// How many bytes one layer of a message took at one stage of its way.
struct BytesEntry {
  Direction direction = Direction::kUplink;
  std::string layer;       ///< a tensor's name, or "(control)", "(update)", ... for whole messages
  std::string stage;       ///< "raw", "encoded" or "framed"
  std::int64_t bytes = 0;  ///< not negative
};

/// One client's report for one round, as it was received.
struct StoredUpdate {
  ClientId client;
  std::int64_t num_examples = 0;
  double train_loss = 0;
  Digest digest;
  Bytes payload;
};

/// A round that was opened and not committed.
struct OpenRound {
  RoundId round = 0;
  std::vector<ClientId> cohort;
};

/// What the journal knows of one round, without payloads.
struct RoundRecord {
  RoundId round = 0;
  bool committed = false;
  std::vector<ClientId> cohort;
  std::string digest;  ///< of the global model, in hex; empty until committed
  double seconds = 0;
  std::int64_t num_updates = 0;
  std::map<std::string, double> metrics;
};

/// A sum of ledger entries over all clients.
struct LedgerRow {
  RoundId round = 0;  ///< 0 if summed over the run
  Direction direction = Direction::kUplink;
  std::string layer;
  std::string stage;
  std::int64_t bytes = 0;  ///< of all clients
  std::int64_t least = 0;  ///< of one client in one round
};

enum class GroupBy { kRun, kRound };

enum class Stored { kNew, kDuplicate };

struct JournalState;

/// A group of writes that become durable together: group commit.
///
/// Rolled back when destroyed without `commit`. A write that throws kUnavailable inside it rolls
/// the whole group back at once; do all of it again, from `begin`.
class Transaction {
 public:
  ~Transaction();
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;

  /// Durable when it returns. Errors: kUnavailable if the disk is full, or if an earlier write
  /// of the group was; nothing of the group is then kept.
  void commit();

 private:
  friend class Journal;
  explicit Transaction(JournalState& state);

  JournalState* state_;  // null once committed or moved from
};

/// The memory of one run that survives crashes: rounds, updates, metrics and the byte ledger.
///
/// A SQLite file (WAL, synchronous = FULL). Every write is durable when its method returns, or,
/// inside a Transaction, when `commit` returns. Other processes may read it meanwhile.
/// Errors: all methods: kUnavailable if the disk is full or fails: nothing of the failed call is
///         kept, and the same call succeeds once there is room; kCorruptData if the file is
///         damaged; kInvalidArgument where noted.
/// Threads: none; its owner calls it from one thread at a time.
class Journal {
 public:
  enum class Mode {
    kCreate,  ///< creates the file if it is missing
    kRead,    ///< the file must exist and is not written
  };

  /// Errors: kInvalidConfig if there is no file to read; kCorruptData if it is not a database;
  ///         kIncompatible if another program or another format version wrote it.
  explicit Journal(const std::filesystem::path& path, Mode mode = Mode::kCreate);
  ~Journal();
  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&&) = delete;

  const std::filesystem::path& path() const;

  /// Errors: kInvalidArgument if a Transaction is open; they do not nest.
  [[nodiscard]] Transaction begin();

  void set_meta(std::string_view key, std::string_view value);
  std::optional<std::string> meta(std::string_view key) const;

  /// Which share of the private data a client trains on, counted from 0.
  void set_share(const ClientId& client, std::int64_t share);
  std::map<ClientId, std::int64_t> shares() const;

  /// Opens `round`, or gives the open round another cohort (a round that was extended).
  /// Errors: kInvalidArgument if another round is open or `round` is not after the last one.
  void open_round(RoundId round, const std::vector<ClientId>& cohort);
  std::optional<OpenRound> open_round() const;

  /// 0 if no round was committed.
  RoundId last_committed() const;

  /// Keeps the first update of each (round, client), with its ledger entries; a duplicate
  /// changes nothing, whatever it holds. Errors: kInvalidArgument if it is new and `round` is
  /// not open.
  Stored add_update(RoundId round, const StoredUpdate& update, std::span<const BytesEntry> entries);

  /// The clients whose update is stored, in ascending order.
  std::vector<ClientId> reported(RoundId round) const;

  /// Errors: kInvalidArgument if there is none, or its payload went with `commit_round`.
  StoredUpdate update(RoundId round, const ClientId& client) const;

  /// Ends `round`, whose result is the model `global`, and drops its payloads; their room in the
  /// file is used again. Errors: kInvalidArgument if `round` is not open.
  void commit_round(RoundId round, const Digest& global, double seconds);

  /// Adds to what was counted before under the same (round, client, direction, layer, stage).
  /// Round 0 is for bytes before the first round.
  void add_bytes(RoundId round, const ClientId& client, std::span<const BytesEntry> entries);

  /// Replaces an earlier value of the same name. Round 0 is for the first global model.
  void add_metric(RoundId round, std::string_view name, double value);
  std::map<std::string, double> metrics(RoundId round) const;

  /// All opened rounds, in ascending order.
  std::vector<RoundRecord> rounds() const;

  /// Sums over all clients, by (direction, layer, stage) or by (round, direction, layer, stage),
  /// sorted in that order.
  std::vector<LedgerRow> bytes_by(GroupBy group) const;

  /// Of all layers, or of one.
  std::int64_t total_bytes(Direction direction,
                           std::string_view stage,
                           std::optional<std::string_view> layer = std::nullopt) const;

 private:
  std::unique_ptr<JournalState> state_;
};

}  // namespace lorae::runs
