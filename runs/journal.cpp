#include "runs/journal.h"

#include <set>
#include <utility>

#include "base/error.h"
#include "runs/journal_sqlite.h"

namespace lorae::runs {
namespace {

using SQLite::Database;
using SQLite::Statement;

constexpr char kSeparator = ',';  // no character of a client name

std::string join(const std::vector<ClientId>& cohort) {
  std::string text;
  for (const ClientId& client : cohort) {
    check(is_client_name(client.name), ErrorCode::kInvalidArgument, "[journal] '", client.name,
          "' is not a client name");
    text += (text.empty() ? "" : std::string(1, kSeparator)) + client.name;
  }
  return text;
}

void check_entries(std::span<const BytesEntry> entries) {
  for (const BytesEntry& entry : entries) {
    check(entry.stage == "raw" || entry.stage == "encoded" || entry.stage == "framed",
          ErrorCode::kInvalidArgument, "[journal] bytes of layer '", entry.layer,
          "': expected stage raw, encoded or framed, got '", entry.stage, "'");
    check(entry.bytes >= 0, ErrorCode::kInvalidArgument, "[journal] bytes of layer '", entry.layer,
          "': expected at least 0, got ", entry.bytes);
  }
}

void insert_entries(Database& database,
                    std::int64_t round,
                    const ClientId& client,
                    std::span<const BytesEntry> entries) {
  Statement insert(database,
                   "INSERT INTO bytes(round, client, direction, layer, stage, bytes) "
                   "VALUES (?, ?, ?, ?, ?, ?) "
                   "ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes");
  insert.bind(1, round);
  insert.bindNoCopy(2, client.name);
  for (const BytesEntry& entry : entries) {
    insert.bind(3, std::string(direction_name(entry.direction)));
    insert.bindNoCopy(4, entry.layer);
    insert.bindNoCopy(5, entry.stage);
    insert.bind(6, entry.bytes);
    insert.exec();
    insert.reset();
  }
}

/// The state of `round`: "open", "committed" or "" if it was never opened.
std::string round_state(Database& database, std::int64_t round) {
  Statement query(database, "SELECT state FROM rounds WHERE round = ?");
  query.bind(1, round);
  return query.executeStep() ? query.getColumn(0).getString() : "";
}

void check_open(Database& database, const std::filesystem::path& path, std::int64_t round) {
  const std::string state = round_state(database, round);
  check(state == "open", ErrorCode::kInvalidArgument, "[journal] '", path.string(), "': round ",
        round, " is ", state.empty() ? "not there" : state, ": expected open");
}

void insert_update(Database& database, std::int64_t round, const StoredUpdate& update) {
  Statement insert(database,
                   "INSERT INTO updates(round, client, num_examples, train_loss, digest, "
                   "encoded_bytes, payload) VALUES (?, ?, ?, ?, ?, ?, ?)");
  const std::size_t size = update.payload.size();
  // A null pointer would be bound as NULL, which means "dropped".
  const void* payload = size == 0 ? static_cast<const void*>("") : update.payload.data();
  insert.bind(1, round);
  insert.bindNoCopy(2, update.client.name);
  insert.bind(3, update.num_examples);
  insert.bind(4, update.train_loss);
  insert.bind(5, update.digest.bytes.data(), static_cast<int>(update.digest.bytes.size()));
  insert.bind(6, static_cast<std::int64_t>(size));
  insert.bindNoCopy(7, payload, static_cast<int>(size));
  insert.exec();
}

}  // namespace

std::string_view direction_name(Direction direction) {
  return direction == Direction::kUplink ? "uplink" : "downlink";
}

Journal::Journal(const std::filesystem::path& path, Mode mode)
    : state_(std::make_unique<JournalState>(path, mode)) {}
Journal::~Journal() = default;
Journal::Journal(Journal&& other) noexcept = default;

const std::filesystem::path& Journal::path() const {
  return state_->path;
}

Transaction Journal::begin() {
  return Transaction(*state_);
}

void Journal::set_meta(std::string_view key, std::string_view value) {
  write(*state_, [&](Database& database) {
    Statement insert(database, "INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)");
    insert.bind(1, std::string(key));
    insert.bind(2, std::string(value));
    insert.exec();
  });
}

void Journal::set_share(const ClientId& client, std::int64_t share) {
  write(*state_, [&](Database& database) {
    Statement insert(database, "INSERT OR REPLACE INTO clients(name, share) VALUES (?, ?)");
    insert.bind(1, client.name);
    insert.bind(2, share);
    insert.exec();
  });
}

void Journal::open_round(RoundId round, const std::vector<ClientId>& cohort) {
  const std::string names = join(cohort);
  const std::int64_t id = sql_round(round);
  write(*state_, [&](Database& database) {
    const std::int64_t last =
        database.execAndGet("SELECT coalesce(max(round), 0) FROM rounds").getInt64();
    const bool again = id == last && round_state(database, id) == "open";
    check(again || round_state(database, last) != "open", ErrorCode::kInvalidArgument,
          "[journal] '", path().string(), "': cannot open round ", round, " while round ", last,
          " is open");
    check(again || id > last, ErrorCode::kInvalidArgument, "[journal] '", path().string(),
          "': cannot open round ", round, ": expected a round after ", last);
    Statement insert(database,
                     "INSERT INTO rounds(round, state, cohort) VALUES (?, 'open', ?) "
                     "ON CONFLICT DO UPDATE SET cohort = excluded.cohort");
    insert.bind(1, id);
    insert.bind(2, names);
    insert.exec();
  });
}

Stored Journal::add_update(RoundId round,
                           const StoredUpdate& update,
                           std::span<const BytesEntry> entries) {
  check_entries(entries);
  constexpr std::size_t kLargest = 1'000'000'000;  // SQLite's limit for one blob
  check(update.payload.size() < kLargest, ErrorCode::kInvalidArgument, "[journal] update of ",
        update.client, ": expected less than 1 GB, got ", update.payload.size(), " bytes");
  const std::int64_t id = sql_round(round);
  return write(*state_, [&](Database& database) {
    Statement query(database, "SELECT 1 FROM updates WHERE round = ? AND client = ?");
    query.bind(1, id);
    query.bind(2, update.client.name);
    if (query.executeStep()) {
      return Stored::kDuplicate;
    }
    check_open(database, path(), id);
    insert_update(database, id, update);
    insert_entries(database, id, update.client, entries);
    return Stored::kNew;
  });
}

void Journal::commit_round(RoundId round, const Digest& global, double seconds) {
  const std::int64_t id = sql_round(round);
  write(*state_, [&](Database& database) {
    check_open(database, path(), id);
    Statement commit(database,
                     "UPDATE rounds SET state = 'committed', digest = ?, seconds = ? "
                     "WHERE round = ?");
    commit.bind(1, global.bytes.data(), static_cast<int>(global.bytes.size()));
    commit.bind(2, seconds);
    commit.bind(3, id);
    commit.exec();
    Statement drop(database, "UPDATE updates SET payload = NULL WHERE round = ?");
    drop.bind(1, id);
    drop.exec();
  });
}

void Journal::add_bytes(RoundId round,
                        const ClientId& client,
                        std::span<const BytesEntry> entries) {
  check_entries(entries);
  const std::int64_t id = sql_round(round);
  write(*state_, [&](Database& database) { insert_entries(database, id, client, entries); });
}

void Journal::add_metric(RoundId round, std::string_view name, double value) {
  const std::int64_t id = sql_round(round);
  write(*state_, [&](Database& database) {
    Statement insert(database,
                     "INSERT OR REPLACE INTO metrics(round, name, value) VALUES (?, ?, ?)");
    insert.bind(1, id);
    insert.bind(2, std::string(name));
    insert.bind(3, value);
    insert.exec();
  });
}

}  // namespace lorae::runs
