#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>
#include <type_traits>

#include "base/error.h"
#include "base/ids.h"
#include "runs/journal.h"

namespace lorae::runs {

/// The open database; the one place where SQLite's errors become ours. Only journal*.cpp sees it.
struct JournalState {
  JournalState(std::filesystem::path file, Journal::Mode mode);

  /// Starts a write transaction.
  void begin();
  /// Ends it, or rolls it back and throws.
  void commit();
  /// Leaves no transaction open, whether or not SQLite rolled it back by itself.
  void roll_back() noexcept;

  [[noreturn]] void raise(const SQLite::Exception& error) const;

  std::filesystem::path path;
  SQLite::Database database;
  bool grouped = false;     // a Transaction object is alive
  bool group_lost = false;  // ... and what it had written was rolled back
};

/// Runs `body(database)` and turns SQLite's errors into ours.
template <typename Body>
auto read(JournalState& state, Body&& body) {
  try {
    return body(state.database);
  } catch (const SQLite::Exception& error) {
    state.raise(error);
  }
}

/// Runs `body(database)`, which writes, within the open group or as a transaction of its own.
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
    if constexpr (std::is_void_v<decltype(body(state.database))>) {
      body(state.database);
      if (alone) {
        state.commit();
      }
    } else {
      const auto result = body(state.database);
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

}  // namespace lorae::runs
