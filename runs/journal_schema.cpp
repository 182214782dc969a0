// How the file of a journal begins: its tables, and whose file it is.

#include <sqlite3.h>

#include <chrono>
#include <memory>

#include "base/atomic_file.h"
#include "runs/damage.h"
#include "runs/journal_sqlite.h"

namespace lorae::runs {
namespace {

// Raised only when an older build would misread the file: new tables, columns with a default and
// new records need no other version.
constexpr int kFormatVersion = 2;
constexpr int kApplicationId = 0x4c6f5241;  // "LoRA"
constexpr int kPageSize = 16384;            // an update of 80 kB takes two thirds of 4096's CPU

// Not-a-number has no place in SQLite: it is stored as NULL, hence the nullable REAL columns.
// `updates` keeps row ids, so that payloads stay out of the index that `reported` walks.
constexpr const char* kSchema = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE clients(name TEXT PRIMARY KEY, share INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE classes(class INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE class_counts(
  client TEXT NOT NULL,
  class INTEGER NOT NULL,
  examples INTEGER NOT NULL,
  PRIMARY KEY(client, class)) WITHOUT ROWID;
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
  base_round INTEGER NOT NULL,
  num_examples INTEGER NOT NULL,
  digest BLOB NOT NULL,
  encoded_bytes INTEGER NOT NULL,
  payload BLOB,
  PRIMARY KEY(round, client));
CREATE TABLE update_metrics(
  round INTEGER NOT NULL,
  client TEXT NOT NULL,
  place INTEGER NOT NULL,
  name TEXT NOT NULL,
  value REAL,
  PRIMARY KEY(round, client, place)) WITHOUT ROWID;
CREATE TABLE metrics(
  round INTEGER NOT NULL,
  name TEXT NOT NULL,
  place INTEGER NOT NULL,
  value REAL,
  PRIMARY KEY(round, name)) WITHOUT ROWID;
CREATE TABLE bytes(
  round INTEGER NOT NULL,
  client TEXT NOT NULL,
  direction TEXT NOT NULL CHECK(direction IN ('uplink', 'downlink')),
  layer TEXT NOT NULL,
  stage TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY(round, client, direction, layer, stage)) WITHOUT ROWID;
)sql";

void insert_meta(SQLite::Database& database, std::string_view key, const std::string& value) {
  SQLite::Statement insert(database, "INSERT INTO meta(key, value) VALUES (?, ?)");
  insert.bind(1, std::string(key));
  insert.bind(2, value);
  insert.exec();
}

}  // namespace

void make_journal(const std::filesystem::path& path) {
  for (const char* suffix : {"", "-wal", "-journal"}) {  // a log alone is what is left of a run
    std::error_code status;
    const std::filesystem::path file = path.string() + suffix;
    check(!std::filesystem::exists(std::filesystem::symlink_status(file, status)),
          ErrorCode::kInvalidConfig, "[journal] '", file.string(),
          "' is there already; choose another folder, or go on with the run in this one");
  }
  // Made in memory and written in one piece: a crash leaves no half of a journal.
  SQLite::Database memory(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  memory.exec(str("PRAGMA page_size = ", kPageSize));
  memory.exec(kSchema);
  memory.exec(str("PRAGMA application_id = ", kApplicationId));
  memory.exec(str("PRAGMA user_version = ", kFormatVersion));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  insert_meta(memory, kCreatedKey,
              str(std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
  insert_meta(memory, kStateKey, std::string(kStateRunning));
  sqlite3_int64 size = 0;
  const std::unique_ptr<unsigned char, decltype(&sqlite3_free)> image(
      sqlite3_serialize(memory.getHandle(), "main", &size, 0), &sqlite3_free);
  check(image != nullptr, ErrorCode::kUnavailable, "[journal] '", path.string(),
        "': out of memory");
  write_file_atomic(path, ByteView(reinterpret_cast<const std::byte*>(image.get()),
                                   static_cast<std::size_t>(size)));
}

void check_format(JournalState& state) {
  const auto number = [&](const char* query) { return state.database.execAndGet(query).getInt(); };
  const int application = number("PRAGMA application_id");
  const int version = number("PRAGMA user_version");
  const std::string file = state.path.string();
  if (application != kApplicationId) {
    if (application == 0 && number("SELECT count(*) FROM sqlite_master") == 0) {
      fail_damaged(state.path, "it has no tables");
    }
    fail(ErrorCode::kIncompatible, "[journal] '", file, "' is a database of another program");
  }
  check(version >= kFormatVersion, ErrorCode::kIncompatible, "[journal] '", file,
        "' was written by an earlier LoRAE (journal format ", version, ", this build reads ",
        kFormatVersion,
        "): finish or report it with that version, or start a new run with --fresh");
  check(version == kFormatVersion, ErrorCode::kIncompatible, "[journal] '", file,
        "' was written by a later LoRAE (journal format ", version, ", this build reads ",
        kFormatVersion, "): go on with that version, or start a new run with --fresh");
}

}  // namespace lorae::runs
