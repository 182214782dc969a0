#include "runs/journal_sqlite.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "runs/damage.h"

namespace lorae::runs {
namespace {

constexpr int kBusyMilliseconds = 10'000;

SQLite::Database open_database(const std::filesystem::path& path, Journal::Mode mode) {
  std::error_code status;
  if (mode == Journal::Mode::kNew) {
    make_journal(path);
  }
  check(mode != Journal::Mode::kRead || std::filesystem::exists(path, status),
        ErrorCode::kInvalidConfig, "[journal] '", path.string(),
        "' is not there; is this the folder of a run?");
  check_head(path);
  const int flags = mode == Journal::Mode::kRead ? SQLite::OPEN_READONLY : SQLite::OPEN_READWRITE;
  try {
    return {path.string(), flags, kBusyMilliseconds};
  } catch (const SQLite::Exception& error) {
    fail(ErrorCode::kUnavailable, "[journal] cannot open '", path.string(),
         "': ", error.getErrorStr(), "; check the folder and its permissions");
  }
}

}  // namespace

JournalState::JournalState(std::filesystem::path file, Journal::Mode mode)
    : path(std::move(file)), database(open_database(path, mode)) {
  read(*this, [&] {
    check_format(*this);
    check_extent(*this);
    if (mode != Journal::Mode::kRead) {
      database.exec("PRAGMA journal_mode = WAL");
      database.exec("PRAGMA synchronous = FULL");
      database.exec("PRAGMA foreign_keys = ON");
      database.exec("PRAGMA wal_autocheckpoint = 256");       // pages: 4 MB of log
      database.exec("PRAGMA journal_size_limit = 16777216");  // gives a large log back to the disk
    }
  });
}

Prepared JournalState::prepare(std::string_view sql) {
  auto known = statements.find(sql);
  if (known == statements.end()) {
    known = statements.try_emplace(sql, database, std::string(sql)).first;
  }
  return Prepared(known->second);
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
      fail_damaged(path, "it is not a database");
    case SQLITE_CONSTRAINT:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG:
      fail(ErrorCode::kInvalidArgument, "[journal] '", file, "': ", error.what());
    default:
      fail_damaged(path, error.what());
  }
}

std::int64_t sql_round(RoundId round) {
  check(std::in_range<std::int64_t>(round.value), ErrorCode::kInvalidArgument, "[journal] round ",
        round, " is out of range");
  return static_cast<std::int64_t>(round.value);
}

ByteView blob(const SQLite::Column& column) {
  return {static_cast<const std::byte*>(column.getBlob()),
          static_cast<std::size_t>(column.getBytes())};
}

Digest digest(const SQLite::Column& column, const std::filesystem::path& path) {
  const ByteView bytes = blob(column);
  Digest result;
  if (bytes.size() != result.bytes.size()) {
    fail_damaged(path,
                 str("expected a digest of ", result.bytes.size(), " bytes, got ", bytes.size()));
  }
  std::copy(bytes.begin(), bytes.end(), result.bytes.begin());
  return result;
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
