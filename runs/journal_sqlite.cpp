#include "runs/journal_sqlite.h"

#include <sqlite3.h>

#include <limits>
#include <utility>

namespace lorae::runs {
namespace {

constexpr int kFormatVersion = 1;
constexpr int kApplicationId = 0x4c6f5241;  // "LoRA"
constexpr int kBusyMilliseconds = 10'000;

// Not-a-number has no place in SQLite: it is stored as NULL, hence the nullable REAL columns.
// `updates` keeps row ids, so that payloads stay out of the index that `reported` walks.
constexpr const char* kSchema = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE clients(name TEXT PRIMARY KEY, share INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE rounds(
  round INTEGER PRIMARY KEY,
  state TEXT NOT NULL CHECK(state IN ('open', 'committed')),
  cohort TEXT NOT NULL,
  seconds REAL,
  digest BLOB);
CREATE UNIQUE INDEX one_open_round ON rounds(state) WHERE state = 'open';
CREATE TABLE updates(
  round INTEGER NOT NULL REFERENCES rounds(round),
  client TEXT NOT NULL,
  num_examples INTEGER NOT NULL,
  train_loss REAL,
  digest BLOB NOT NULL,
  encoded_bytes INTEGER NOT NULL,
  payload BLOB,
  PRIMARY KEY(round, client));
CREATE TABLE metrics(
  round INTEGER NOT NULL,
  name TEXT NOT NULL,
  value REAL,
  PRIMARY KEY(round, name)) WITHOUT ROWID;
CREATE TABLE bytes(
  round INTEGER NOT NULL,
  client TEXT NOT NULL,
  direction TEXT NOT NULL CHECK(direction IN ('uplink', 'downlink')),
  layer TEXT NOT NULL,
  stage TEXT NOT NULL CHECK(stage IN ('raw', 'encoded', 'framed')),
  bytes INTEGER NOT NULL,
  PRIMARY KEY(round, client, direction, layer, stage)) WITHOUT ROWID;
)sql";

int read_pragma(SQLite::Database& database, const std::string& name) {
  return database.execAndGet("PRAGMA " + name).getInt();
}

void create_schema(JournalState& state) {
  write(state, [](SQLite::Database& database) {
    database.exec(kSchema);
    database.exec(str("PRAGMA application_id = ", kApplicationId));
    database.exec(str("PRAGMA user_version = ", kFormatVersion));
  });
}

SQLite::Database open_database(const std::filesystem::path& path, Journal::Mode mode) {
  std::error_code status;
  const bool exists = std::filesystem::is_regular_file(path, status);
  check(exists || mode == Journal::Mode::kCreate, ErrorCode::kInvalidConfig, "[journal] '",
        path.string(), "' is not there; is this the folder of a run?");
  const int flags = mode == Journal::Mode::kRead ? SQLite::OPEN_READONLY
                                                 : SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE;
  try {
    return {path.string(), flags, kBusyMilliseconds};
  } catch (const SQLite::Exception& error) {
    fail(ErrorCode::kUnavailable, "[journal] cannot open '", path.string(),
         "': ", error.getErrorStr(), "; check the folder and its permissions");
  }
}

/// Settles whose file it is, before anything is written to it.
void prepare(JournalState& state, Journal::Mode mode) {
  SQLite::Database& database = state.database;
  const int application = read_pragma(database, "application_id");
  const int version = read_pragma(database, "user_version");
  const bool empty = database.execAndGet("SELECT count(*) FROM sqlite_master").getInt() == 0 &&
                     application == 0 && version == 0;
  const std::string file = state.path.string();
  check(empty || application == kApplicationId, ErrorCode::kIncompatible, "[journal] '", file,
        "' is a database of another program");
  check(empty || version == kFormatVersion, ErrorCode::kIncompatible, "[journal] '", file,
        "' has format version ", version, ", this build reads ", kFormatVersion,
        "; use the version of LoRAE that wrote it");
  if (mode == Journal::Mode::kRead) {
    check(!empty, ErrorCode::kCorruptData, "[journal] '", file, "' is empty");
    return;
  }
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = FULL");
  database.exec("PRAGMA foreign_keys = ON");
  database.exec("PRAGMA journal_size_limit = 16777216");  // gives a large log back to the disk
  if (empty) {
    create_schema(state);
  }
}

}  // namespace

JournalState::JournalState(std::filesystem::path file, Journal::Mode mode)
    : path(std::move(file)), database(open_database(path, mode)) {
  try {
    prepare(*this, mode);
  } catch (const SQLite::Exception& error) {
    raise(error);
  }
}

void JournalState::begin() {
  // IMMEDIATE: a second writer is noticed here, not in the middle.
  database.exec("BEGIN IMMEDIATE");
}

void JournalState::commit() {
  try {
    database.exec("COMMIT");
  } catch (const SQLite::Exception& error) {
    roll_back();
    raise(error);
  }
}

void JournalState::roll_back() noexcept {
  // After some errors SQLite has rolled back already, and ROLLBACK would be one more error.
  if (sqlite3_get_autocommit(database.getHandle()) == 0) {
    database.tryExec("ROLLBACK");
  }
}

void JournalState::raise(const SQLite::Exception& error) const {
  const std::string file = path.string();
  switch (error.getErrorCode() & 0xff) {  // the low byte is the kind, the rest the detail
    case SQLITE_FULL:
      fail(ErrorCode::kUnavailable, "[journal] '", file,
           "': no space left on the disk; free some space, the run goes on by itself");
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      fail(ErrorCode::kUnavailable, "[journal] '", file, "': the disk does not take it (",
           error.getErrorStr(), "); free some space or check the disk, the run goes on by itself");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      fail(ErrorCode::kUnavailable, "[journal] '", file, "' is in use by another process");
    case SQLITE_NOMEM:
      fail(ErrorCode::kUnavailable, "[journal] '", file, "': out of memory");
    case SQLITE_PERM:
    case SQLITE_READONLY:
      fail(ErrorCode::kUnavailable, "[journal] '", file, "' can only be read: ", error.what());
    case SQLITE_NOTADB:
      fail(ErrorCode::kCorruptData, "[journal] '", file,
           "' is not a journal: expected an SQLite database");
    case SQLITE_CONSTRAINT:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG:
      fail(ErrorCode::kInvalidArgument, "[journal] '", file, "': ", error.what());
    default:
      fail(ErrorCode::kCorruptData, "[journal] '", file, "' is damaged: ", error.what(),
           "; restore it from a copy or start a new run");
  }
}

std::int64_t sql_round(RoundId round) {
  check(round <= static_cast<RoundId>(std::numeric_limits<std::int64_t>::max()),
        ErrorCode::kInvalidArgument, "[journal] round ", round, " is out of range");
  return static_cast<std::int64_t>(round);
}

Transaction::Transaction(JournalState& state) : state_(&state) {
  check(!state.grouped, ErrorCode::kInvalidArgument, "[journal] '", state.path.string(),
        "': a transaction is open already; they do not nest");
  try {
    state.begin();
  } catch (const SQLite::Exception& error) {
    state.raise(error);
  }
  state.grouped = true;
}

Transaction::Transaction(Transaction&& other) noexcept
    : state_(std::exchange(other.state_, nullptr)) {}

Transaction::~Transaction() {
  if (state_ != nullptr) {
    state_->roll_back();
    state_->grouped = false;
    state_->group_lost = false;
  }
}

void Transaction::commit() {
  check(state_ != nullptr, ErrorCode::kInvalidArgument,
        "[journal] a transaction was committed twice");
  JournalState& state = *std::exchange(state_, nullptr);
  state.grouped = false;
  check(!std::exchange(state.group_lost, false), ErrorCode::kUnavailable, "[journal] '",
        state.path.string(), "': an earlier write of this transaction failed; begin it again");
  state.commit();
}

}  // namespace lorae::runs
