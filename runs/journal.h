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
#include "base/metrics.h"

namespace lorae::runs {

/// Meta key and values that say whether a run is over. A finished run that gets more rounds is
/// running again.
inline constexpr std::string_view kStateKey = "state";
inline constexpr std::string_view kStateRunning = "running";  ///< of every new journal
inline constexpr std::string_view kStateFinished = "finished";

/// Meta key: the name of the main metric of evaluations.
inline constexpr std::string_view kMainMetricKey = "main_metric";
/// Meta key: the last round whose state was evaluated.
inline constexpr std::string_view kMeasuredKey = "measured_round";

/// Meta keys: how many parameters a client trains, and how many its model has.
inline constexpr std::string_view kTrainableKey = "trainable_parameters";
inline constexpr std::string_view kTotalKey = "total_parameters";

/// Meta key: when the journal was made, in microseconds since 1970.
inline constexpr std::string_view kCreatedKey = "created";

enum class Direction { kUplink, kDownlink };

// The ledger's words for bytes that belong to no layer of the model.
inline constexpr const char* kLayerControl = "(control)";
inline constexpr const char* kLayerHeartbeat = "(heartbeat)";
inline constexpr const char* kLayerConnection = "(connection)";  ///< handshakes; only `sent`
inline constexpr const char* kLayerModel = "(model)";
inline constexpr const char* kLayerUpdate = "(update)";
inline constexpr const char* kLayerBackbone = "(backbone)";
/// The stage of whole messages, as a process hands them to its socket.
inline constexpr const char* kStageFramed = "framed";
/// The stage of whole messages as a connection carries them: with what ZMTP and CURVE add.
inline constexpr const char* kStageSent = "sent";

/// "uplink" or "downlink".
std::string_view direction_name(Direction direction);

/// How many bytes one layer of a message took at one stage of its way.
struct BytesEntry {
  Direction direction = Direction::kUplink;
  std::string layer;       ///< a tensor's name, or "(control)", "(update)", ... for whole messages
  std::string stage;       ///< "raw", "coded", "framed", ...: 1 to 64 of [a-z0-9_:.-]
  std::int64_t bytes = 0;  ///< not negative
};

/// One client's report for one round, as it was received.
struct StoredUpdate {
  ClientId client;
  std::int64_t num_examples = 0;
  Metrics metrics;
  Digest digest;  ///< of the payload
  Bytes payload;
  RoundId base_round = {};  ///< the version of the global model that it was trained from
};

/// A round that was opened and not committed.
struct OpenRound {
  RoundId round = {};
  std::vector<ClientId> cohort;
};

/// What the journal knows of one round, without payloads.
struct RoundRecord {
  RoundId round = {};
  bool committed = false;
  std::vector<ClientId> cohort;
  std::string digest;  ///< of the global model, in hex; empty until committed
  double seconds = 0;
  std::int64_t num_updates = 0;
  Metrics metrics;
};

/// A sum of ledger entries over all clients.
struct LedgerRow {
  RoundId round = {};  ///< 0 if summed over the run
  Direction direction = Direction::kUplink;
  std::string layer;
  std::string stage;
  std::int64_t bytes = 0;  ///< of all clients
  std::int64_t least = 0;  ///< of one client in one round
};

/// What one client sent or received over the run.
struct ClientBytes {
  ClientId client;
  Direction direction = Direction::kUplink;
  std::string layer;
  std::int64_t bytes = 0;
};

/// A sum of ledger entries over what was not asked for.
struct LedgerSum {
  RoundId round = {};  ///< 0 if summed over the run
  ClientId client;     ///< empty if summed over clients
  Direction direction = Direction::kUplink;
  std::string layer;
  std::string stage;
  std::int64_t bytes = 0;
  std::int64_t messages = 0;  ///< pairs of a round and a client that have such an entry
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
/// A SQLite file (WAL, synchronous = FULL), described in docs/run_folder.md. Every write is durable
/// when its method returns, or, inside a Transaction, when `commit` returns. Other processes may
/// read it meanwhile. Tables, columns and records that this version does not know are left alone.
/// Errors: all methods: kUnavailable if the disk is full or fails: nothing of the failed call is
///         kept, and the same call succeeds once there is room; kCorruptData if the file is
///         damaged; kInvalidArgument where noted.
/// Threads: none; its owner calls it from one thread at a time.
class Journal {
 public:
  enum class Mode {
    kNew,       ///< makes the file, whole or not at all
    kContinue,  ///< the file must be a sound journal; see `verify`
    kRead,      ///< the file is not written
  };

  /// Errors: kInvalidConfig if there is a file already (kNew), or none (kRead); kCorruptData
  ///         "... is damaged: WHAT" if it is missing (kContinue), empty, cut, or no database;
  ///         kIncompatible if another program or another journal format wrote it.
  Journal(const std::filesystem::path& path, Mode mode);
  ~Journal();
  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&&) = delete;

  const std::filesystem::path& path() const;

  /// Reads the whole file: its structure, and the digest of each payload of the open round.
  /// Errors: kCorruptData "... is damaged: WHAT".
  void verify() const;

  /// Errors: kInvalidArgument if a Transaction is open; they do not nest.
  [[nodiscard]] Transaction begin();

  void set_meta(std::string_view key, std::string_view value);
  std::optional<std::string> meta(std::string_view key) const;

  /// Which share of the private data a client trains on, counted from 0.
  void set_share(const ClientId& client, std::int64_t share);
  std::map<ClientId, std::int64_t> shares() const;

  /// The classes of the data, in the order of their numbers. Replaces earlier names.
  void set_class_names(const std::vector<std::string>& names);
  std::vector<std::string> class_names() const;

  /// How many examples of each class a client holds, in the order of the classes' numbers.
  /// Replaces earlier counts of this client. Errors: kInvalidArgument if one is negative.
  void set_class_counts(const ClientId& client, const std::vector<std::int64_t>& counts);
  std::map<ClientId, std::vector<std::int64_t>> class_counts() const;

  /// Opens `round`, or gives the open round another cohort (a round that was extended, or in which
  /// everybody declined). Its updates stay.
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

  /// Of each client that ever counted: the last committed round that has an update of it.
  std::map<ClientId, RoundId> counted() const;

  /// Errors: kInvalidArgument if there is none, or its payload went with `commit_round`.
  StoredUpdate update(RoundId round, const ClientId& client) const;

  /// The mean of each metric over the updates of `round` that have it, in the order of the first
  /// client's metrics (clients in ascending order), then of the next one's that are new. NaN if
  /// one of them is.
  Metrics mean_metrics(RoundId round) const;

  /// What each client measured in its last update of a committed round.
  std::map<ClientId, Metrics> last_client_metrics() const;

  /// Ends `round`, whose result is the model `global`, and drops its payloads unless they are to be
  /// kept; their room in the file is used again. Errors: kInvalidArgument if `round` is not open.
  void commit_round(RoundId round,
                    const Digest& global,
                    double seconds,
                    bool keep_payloads = false);

  /// Adds to what was counted before under the same (round, client, direction, layer, stage).
  /// Round 0 is for bytes before the first round.
  void add_bytes(RoundId round, const ClientId& client, std::span<const BytesEntry> entries);

  /// Adds metrics behind the round's others; a value of a known name replaces the earlier one where
  /// it stands. Round 0 is for the first global model.
  void add_metrics(RoundId round, const Metrics& metrics);
  Metrics metrics(RoundId round) const;

  /// All opened rounds, in ascending order.
  std::vector<RoundRecord> rounds() const;

  /// Sums over all clients, by (direction, layer, stage) or by (round, direction, layer, stage),
  /// sorted in that order.
  std::vector<LedgerRow> bytes_by(GroupBy group) const;

  /// Sums by direction, layer and stage, and by round and client where these are asked for; sorted
  /// by (round, client, direction, layer, stage).
  std::vector<LedgerSum> ledger(bool by_round, bool by_client) const;

  /// Sums of one stage of one round over all clients, by (direction, layer), sorted in that order.
  /// Reads the entries of that round alone, however long the run.
  std::vector<LedgerRow> bytes_of_round(RoundId round, std::string_view stage) const;

  /// Sums of one stage over all rounds, by (client, direction, layer), sorted in that order.
  std::vector<ClientBytes> bytes_of_clients(std::string_view stage) const;

  /// Of all layers, or of one.
  std::int64_t total_bytes(Direction direction,
                           std::string_view stage,
                           std::optional<std::string_view> layer = std::nullopt) const;

 private:
  std::unique_ptr<JournalState> state_;
};

}  // namespace lorae::runs
