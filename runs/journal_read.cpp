#include <algorithm>
#include <limits>
#include <string>

#include "base/error.h"
#include "runs/journal.h"
#include "runs/journal_sqlite.h"

namespace lorae::runs {
namespace {

using SQLite::Column;
using SQLite::Database;
using SQLite::Statement;

std::vector<ClientId> split(const std::string& names) {
  std::vector<ClientId> clients;
  for (std::size_t begin = 0; begin < names.size();) {
    const std::size_t end = std::min(names.find(',', begin), names.size());
    clients.push_back({names.substr(begin, end - begin)});
    begin = end + 1;
  }
  return clients;
}

double number(const Column& column) {
  return column.isNull() ? std::numeric_limits<double>::quiet_NaN() : column.getDouble();
}

ByteView blob(const Column& column) {
  return {static_cast<const std::byte*>(column.getBlob()),
          static_cast<std::size_t>(column.getBytes())};
}

Digest digest(const Column& column, const std::filesystem::path& path) {
  const ByteView bytes = blob(column);
  Digest result;
  check(bytes.size() == result.bytes.size(), ErrorCode::kCorruptData, "[journal] '", path.string(),
        "' is damaged: expected a digest of ", result.bytes.size(), " bytes, got ", bytes.size());
  std::copy(bytes.begin(), bytes.end(), result.bytes.begin());
  return result;
}

Direction direction(const std::string& name) {
  return name == "uplink" ? Direction::kUplink : Direction::kDownlink;
}

RoundRecord round_record(Statement& query, const std::filesystem::path& path) {
  RoundRecord record;
  record.round = static_cast<RoundId>(query.getColumn(0).getInt64());
  record.committed = query.getColumn(1).getString() == "committed";
  record.cohort = split(query.getColumn(2).getString());
  record.seconds = query.getColumn(3).getDouble();
  if (record.committed) {
    record.digest = digest(query.getColumn(4), path).hex();
  }
  record.num_updates = query.getColumn(5).getInt64();
  return record;
}

}  // namespace

std::optional<std::string> Journal::meta(std::string_view key) const {
  return read(*state_, [&](Database& database) -> std::optional<std::string> {
    Statement query(database, "SELECT value FROM meta WHERE key = ?");
    query.bind(1, std::string(key));
    if (!query.executeStep()) {
      return std::nullopt;
    }
    return query.getColumn(0).getString();
  });
}

std::map<ClientId, std::int64_t> Journal::shares() const {
  return read(*state_, [](Database& database) {
    std::map<ClientId, std::int64_t> shares;
    Statement query(database, "SELECT name, share FROM clients");
    while (query.executeStep()) {
      shares[{query.getColumn(0).getString()}] = query.getColumn(1).getInt64();
    }
    return shares;
  });
}

std::optional<OpenRound> Journal::open_round() const {
  return read(*state_, [](Database& database) -> std::optional<OpenRound> {
    Statement query(database, "SELECT round, cohort FROM rounds WHERE state = 'open'");
    if (!query.executeStep()) {
      return std::nullopt;
    }
    return OpenRound{.round = static_cast<RoundId>(query.getColumn(0).getInt64()),
                     .cohort = split(query.getColumn(1).getString())};
  });
}

RoundId Journal::last_committed() const {
  return read(*state_, [](Database& database) {
    return static_cast<RoundId>(
        database.execAndGet("SELECT coalesce(max(round), 0) FROM rounds WHERE state = 'committed'")
            .getInt64());
  });
}

std::vector<ClientId> Journal::reported(RoundId round) const {
  const std::int64_t id = sql_round(round);
  return read(*state_, [&](Database& database) {
    std::vector<ClientId> clients;
    Statement query(database, "SELECT client FROM updates WHERE round = ? ORDER BY client");
    query.bind(1, id);
    while (query.executeStep()) {
      clients.push_back({query.getColumn(0).getString()});
    }
    return clients;
  });
}

StoredUpdate Journal::update(RoundId round, const ClientId& client) const {
  const std::int64_t id = sql_round(round);
  return read(*state_, [&](Database& database) {
    Statement query(database,
                    "SELECT num_examples, train_loss, digest, payload FROM updates "
                    "WHERE round = ? AND client = ?");
    query.bind(1, id);
    query.bind(2, client.name);
    const std::string what =
        str("[journal] '", path().string(), "': update of client ", client, " in round ", round);
    check(query.executeStep(), ErrorCode::kInvalidArgument, what, " is not there");
    check(!query.getColumn(3).isNull(), ErrorCode::kInvalidArgument, what,
          " was dropped when the round was committed");
    return StoredUpdate{.client = client,
                        .num_examples = query.getColumn(0).getInt64(),
                        .train_loss = number(query.getColumn(1)),
                        .digest = digest(query.getColumn(2), path()),
                        .payload = copy_of(blob(query.getColumn(3)))};
  });
}

std::map<std::string, double> Journal::metrics(RoundId round) const {
  const std::int64_t id = sql_round(round);
  return read(*state_, [&](Database& database) {
    std::map<std::string, double> metrics;
    Statement query(database, "SELECT name, value FROM metrics WHERE round = ?");
    query.bind(1, id);
    while (query.executeStep()) {
      metrics[query.getColumn(0).getString()] = number(query.getColumn(1));
    }
    return metrics;
  });
}

std::vector<RoundRecord> Journal::rounds() const {
  std::vector<RoundRecord> records = read(*state_, [&](Database& database) {
    std::vector<RoundRecord> found;
    Statement query(database,
                    "SELECT round, state, cohort, coalesce(seconds, 0), digest, "
                    "(SELECT count(*) FROM updates WHERE updates.round = rounds.round) "
                    "FROM rounds ORDER BY round");
    while (query.executeStep()) {
      found.push_back(round_record(query, path()));
    }
    return found;
  });
  for (RoundRecord& record : records) {
    record.metrics = metrics(record.round);
  }
  return records;
}

std::vector<LedgerRow> Journal::bytes_by(GroupBy group) const {
  const std::string round = group == GroupBy::kRound ? "round" : "0";
  return read(*state_, [&](Database& database) {
    std::vector<LedgerRow> rows;
    // Uplink first, as in the enum; a bare 0 in GROUP BY would name a column.
    Statement query(database, "SELECT " + round +
                                  " AS of_round, direction, layer, stage, sum(bytes), "
                                  "min(bytes) FROM bytes "
                                  "GROUP BY of_round, direction, layer, stage "
                                  "ORDER BY of_round, direction DESC, layer, stage");
    while (query.executeStep()) {
      rows.push_back({.round = static_cast<RoundId>(query.getColumn(0).getInt64()),
                      .direction = direction(query.getColumn(1).getString()),
                      .layer = query.getColumn(2).getString(),
                      .stage = query.getColumn(3).getString(),
                      .bytes = query.getColumn(4).getInt64(),
                      .least = query.getColumn(5).getInt64()});
    }
    return rows;
  });
}

std::int64_t Journal::total_bytes(Direction direction,
                                  std::string_view stage,
                                  std::optional<std::string_view> layer) const {
  return read(*state_, [&](Database& database) {
    Statement query(database,
                    "SELECT coalesce(sum(bytes), 0) FROM bytes "
                    "WHERE direction = ?1 AND stage = ?2 AND (?3 IS NULL OR layer = ?3)");
    query.bind(1, std::string(direction_name(direction)));
    query.bind(2, std::string(stage));
    if (layer.has_value()) {
      query.bind(3, std::string(*layer));
    }
    query.executeStep();
    return query.getColumn(0).getInt64();
  });
}

}  // namespace lorae::runs
