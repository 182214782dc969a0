#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string_view>
#include <type_traits>

#include "base/error.h"
#include "base/ids.h"
#include "runs/journal.h"

namespace lorae::runs {

/// A statement of JournalState for the length of a scope; then it lets go of the database.
class Prepared {
 public:
  explicit Prepared(SQLite::Statement& statement) : statement_(statement) {}
  ~Prepared() { statement_.tryReset(); }
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;

  SQLite::Statement* operator->() const { return &statement_; }
  SQLite::Column operator[](int column) const { return statement_.getColumn(column); }

 private:
  SQLite::Statement& statement_;
};

/// The open database; the one place where SQLite's errors become ours. Only journal*.cpp sees it.
struct JournalState {
  JournalState(std::filesystem::path file, Journal::Mode mode);

  /// The statement of `sql`, a literal: compiled once and kept. It has the parameters of its last
  /// use, so every use binds all of them.
  Prepared prepare(std::string_view sql);

  /// Starts a write transaction.
  void begin();
  /// Ends it, or rolls it back and throws.
  void commit();
  /// Leaves no transaction open, whether or not SQLite rolled it back by itself.
  void roll_back() noexcept;

  [[noreturn]] void raise(const SQLite::Exception& error) const;

  std::filesystem::path path;
  SQLite::Database database;
  std::map<std::string_view, SQLite::Statement> statements;
  bool grouped = false;     // a Transaction object is alive
  bool group_lost = false;  // ... and what it had written was rolled back
};

/// Runs `body()` and turns SQLite's errors into ours.
template <typename Body>
auto read(JournalState& state, Body&& body) {
  try {
    return body();
  } catch (const SQLite::Exception& error) {
    state.raise(error);
  }
}

/// Runs `body()`, which writes, within the open group or as a transaction of its own.
/// A body checks its arguments before its first write.
template <typename Body>
auto write(JournalState& state, Body&& body) {
  check(!state.group_lost, ErrorCode::kUnavailable, "[journal] '", state.path.string(),
        "': an earlier write of this transaction failed; begin it again");
  const bool alone = !state.grouped;
  try {
    if (alone) {
      state.begin();
    }
    if constexpr (std::is_void_v<decltype(body())>) {
      body();
      if (alone) {
        state.commit();
      }
    } else {
      const auto result = body();
      if (alone) {
        state.commit();
      }
      return result;
    }
  } catch (const SQLite::Exception& error) {
    state.roll_back();
    state.group_lost = state.grouped;
    state.raise(error);
  } catch (...) {
    if (alone) {
      state.roll_back();
    }
    throw;
  }
}

/// SQLite's integers are signed. Errors: kInvalidArgument if `round` is beyond them.
std::int64_t sql_round(RoundId round);

/// A view of the text or the blob in `column`, until the next step.
ByteView blob(const SQLite::Column& column);

/// Errors: kCorruptData if `column` holds anything else.
Digest digest(const SQLite::Column& column, const std::filesystem::path& path);

/// Makes the file of a journal without a record, so that after a crash it is there, whole, or not.
/// Errors: kInvalidConfig if there is one already.
void make_journal(const std::filesystem::path& path);

/// Settles whose file it is. Errors: kIncompatible, kCorruptData.
void check_format(JournalState& state);

/// Finds out whether pages are missing from the end of the file. Errors: kCorruptData.
void check_extent(JournalState& state);

}  // namespace lorae::runs
