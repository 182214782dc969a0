#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <string>

namespace lorae::runs {

/// Reaches behind a Journal to its SQLite connection: the last one opened while this lives.
class Connection {
 public:
  Connection() { sqlite3_auto_extension(reinterpret_cast<void (*)()>(&Connection::remember)); }
  ~Connection() { sqlite3_reset_auto_extension(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  sqlite3* get() const { return connection_; }

  void limit_pages(int pages) const {
    const std::string pragma = "PRAGMA max_page_count = " + std::to_string(pages);
    ASSERT_EQ(sqlite3_exec(connection_, pragma.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  }

  /// How SQLite would run `sql`.
  std::string plan_of(const std::string& sql) const {
    std::string plan;
    sqlite3_stmt* statement = nullptr;
    const std::string explain = "EXPLAIN QUERY PLAN " + sql;
    EXPECT_EQ(sqlite3_prepare_v2(connection_, explain.c_str(), -1, &statement, nullptr), SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
      plan += reinterpret_cast<const char*>(sqlite3_column_text(statement, 3));
      plan += '\n';
    }
    sqlite3_finalize(statement);
    return plan;
  }

 private:
  static int remember(sqlite3* connection, char** /*error*/, const void* /*api*/) {
    connection_ = connection;
    return SQLITE_OK;
  }

  static inline sqlite3* connection_ = nullptr;
};

}  // namespace lorae::runs
