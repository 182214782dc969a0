// What the journal answers.

#include <algorithm>
#include <limits>
#include <string>

#include "base/error.h"
#include "runs/journal.h"
#include "runs/journal_sqlite.h"

namespace lorae::runs {
namespace {

using SQLite::Column;

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

Direction direction(const std::string& name) {
  return name == "uplink" ? Direction::kUplink : Direction::kDownlink;
}

RoundId round_id(const Column& column) {
  return RoundId{static_cast<std::uint64_t>(column.getInt64())};
}

RoundRecord round_record(const Prepared& query, const std::filesystem::path& path) {
  RoundRecord record;
  record.round = round_id(query[0]);
  record.committed = query[1].getString() == "committed";
  record.cohort = split(query[2].getString());
  record.seconds = query[3].getDouble();
  if (record.committed) {
    record.digest = digest(query[4], path).hex();
  }
  record.num_updates = query[5].getInt64();
  return record;
}

/// The rows (name, value) of `query`.
Metrics all_metrics(const Prepared& query) {
  Metrics metrics;
  while (query->executeStep()) {
    metrics.set(query[0].getString(), number(query[1]));
  }
  return metrics;
}

/// The rows (round, direction, layer, stage, bytes, least) of `query`.
std::vector<LedgerRow> ledger_rows(const Prepared& query) {
  std::vector<LedgerRow> rows;
  while (query->executeStep()) {
    rows.push_back({.round = round_id(query[0]),
                    .direction = direction(query[1].getString()),
                    .layer = query[2].getString(),
                    .stage = query[3].getString(),
                    .bytes = query[4].getInt64(),
                    .least = query[5].getInt64()});
  }
  return rows;
}

}  // namespace

std::optional<std::string> Journal::meta(std::string_view key) const {
  return read(*state_, [&]() -> std::optional<std::string> {
    const Prepared query = state_->prepare("SELECT value FROM meta WHERE key = ?");
    query->bind(1, std::string(key));
    if (!query->executeStep()) {
      return std::nullopt;
    }
    return query[0].getString();
  });
}

std::map<ClientId, std::int64_t> Journal::shares() const {
  return read(*state_, [&] {
    std::map<ClientId, std::int64_t> shares;
    const Prepared query = state_->prepare("SELECT name, share FROM clients");
    while (query->executeStep()) {
      shares[{query[0].getString()}] = query[1].getInt64();
    }
    return shares;
  });
}

std::vector<std::string> Journal::class_names() const {
  return read(*state_, [&] {
    std::vector<std::string> names;
    const Prepared query = state_->prepare("SELECT name FROM classes ORDER BY class");
    while (query->executeStep()) {
      names.push_back(query[0].getString());
    }
    return names;
  });
}

std::map<ClientId, std::vector<std::int64_t>> Journal::class_counts() const {
  return read(*state_, [&] {
    std::map<ClientId, std::vector<std::int64_t>> counts;
    const Prepared query =
        state_->prepare("SELECT client, examples FROM class_counts ORDER BY client, class");
    while (query->executeStep()) {
      counts[{query[0].getString()}].push_back(query[1].getInt64());
    }
    return counts;
  });
}

std::optional<OpenRound> Journal::open_round() const {
  return read(*state_, [&]() -> std::optional<OpenRound> {
    const Prepared query = state_->prepare("SELECT round, cohort FROM rounds WHERE state = 'open'");
    if (!query->executeStep()) {
      return std::nullopt;
    }
    return OpenRound{.round = round_id(query[0]), .cohort = split(query[1].getString())};
  });
}

RoundId Journal::last_committed() const {
  return read(*state_, [&] {
    const Prepared query =
        state_->prepare("SELECT coalesce(max(round), 0) FROM rounds WHERE state = 'committed'");
    query->executeStep();
    return round_id(query[0]);
  });
}

std::vector<ClientId> Journal::reported(RoundId round) const {
  const std::int64_t id = sql_round(round);
  return read(*state_, [&] {
    std::vector<ClientId> clients;
    const Prepared query =
        state_->prepare("SELECT client FROM updates WHERE round = ? ORDER BY client");
    query->bind(1, id);
    while (query->executeStep()) {
      clients.push_back({query[0].getString()});
    }
    return clients;
  });
}

std::map<ClientId, RoundId> Journal::counted() const {
  return read(*state_, [&] {
    std::map<ClientId, RoundId> rounds;
    const Prepared query = state_->prepare(
        "SELECT client, max(updates.round) FROM updates JOIN rounds USING(round) "
        "WHERE state = 'committed' GROUP BY client");
    while (query->executeStep()) {
      rounds.emplace(ClientId{query[0].getString()}, round_id(query[1]));
    }
    return rounds;
  });
}

StoredUpdate Journal::update(RoundId round, const ClientId& client) const {
  const std::int64_t id = sql_round(round);
  return read(*state_, [&] {
    const Prepared query = state_->prepare(
        "SELECT num_examples, base_round, digest, payload FROM updates "
        "WHERE round = ? AND client = ?");
    query->bind(1, id);
    query->bindNoCopy(2, client.name);
    const std::string what =
        str("[journal] '", path().string(), "': update of client ", client, " in round ", round);
    check(query->executeStep(), ErrorCode::kInvalidArgument, what, " is not there");
    check(!query[3].isNull(), ErrorCode::kInvalidArgument, what,
          " was dropped when the round was committed");
    const Prepared metrics = state_->prepare(
        "SELECT name, value FROM update_metrics WHERE round = ? AND client = ? ORDER BY place");
    metrics->bind(1, id);
    metrics->bindNoCopy(2, client.name);
    return StoredUpdate{.client = client,
                        .num_examples = query[0].getInt64(),
                        .metrics = all_metrics(metrics),
                        .digest = digest(query[2], path()),
                        .payload = copy_of(blob(query[3])),
                        .base_round = round_id(query[1])};
  });
}

Metrics Journal::mean_metrics(RoundId round) const {
  const std::int64_t id = sql_round(round);
  return read(*state_, [&] {
    // avg leaves NULL out, which is not-a-number here: one of them spoils the mean.
    const Prepared query = state_->prepare(
        "SELECT name, CASE WHEN count(value) = count(*) THEN avg(value) END FROM "
        "(SELECT name, value, row_number() OVER (ORDER BY client, place) AS place "
        "FROM update_metrics WHERE round = ?) GROUP BY name ORDER BY min(place)");
    query->bind(1, id);
    return all_metrics(query);
  });
}

Metrics Journal::metrics(RoundId round) const {
  const std::int64_t id = sql_round(round);
  return read(*state_, [&] {
    const Prepared query =
        state_->prepare("SELECT name, value FROM metrics WHERE round = ? ORDER BY place");
    query->bind(1, id);
    return all_metrics(query);
  });
}

std::vector<RoundRecord> Journal::rounds() const {
  std::vector<RoundRecord> records = read(*state_, [&] {
    std::vector<RoundRecord> found;
    const Prepared query = state_->prepare(
        "SELECT round, state, cohort, coalesce(seconds, 0), digest, "
        "(SELECT count(*) FROM updates WHERE updates.round = rounds.round) "
        "FROM rounds ORDER BY round");
    while (query->executeStep()) {
      found.push_back(round_record(query, path()));
    }
    return found;
  });
  for (RoundRecord& record : records) {
    record.metrics = metrics(record.round);
  }
  return records;
}

// Uplink first, as in the enum: direction DESC.
std::vector<LedgerRow> Journal::bytes_by(GroupBy group) const {
  return read(*state_, [&] {
    return ledger_rows(state_->prepare(
        group == GroupBy::kRound
            ? "SELECT round, direction, layer, stage, sum(bytes), min(bytes) FROM bytes "
              "GROUP BY round, direction, layer, stage "
              "ORDER BY round, direction DESC, layer, stage"
            : "SELECT 0, direction, layer, stage, sum(bytes), min(bytes) FROM bytes "
              "GROUP BY direction, layer, stage ORDER BY direction DESC, layer, stage"));
  });
}

std::vector<LedgerSum> Journal::ledger(bool by_round, bool by_client) const {
  return read(*state_, [&] {
    std::vector<LedgerSum> sums;
    const Prepared query = state_->prepare(
        str("SELECT ", by_round ? "round" : "0", " AS r, ", by_client ? "client" : "''",
            " AS c, direction, layer, stage, sum(bytes), count(DISTINCT round || ' ' || client) "
            "FROM bytes GROUP BY r, c, direction, layer, stage "
            "ORDER BY r, c, direction DESC, layer, stage"));
    while (query->executeStep()) {
      sums.push_back({.round = round_id(query[0]),
                      .client = {query[1].getString()},
                      .direction = direction(query[2].getString()),
                      .layer = query[3].getString(),
                      .stage = query[4].getString(),
                      .bytes = query[5].getInt64(),
                      .messages = query[6].getInt64()});
    }
    return sums;
  });
}

std::vector<LedgerRow> Journal::bytes_of_round(RoundId round, std::string_view stage) const {
  const std::int64_t id = sql_round(round);
  return read(*state_, [&] {
    const Prepared query = state_->prepare(
        "SELECT round, direction, layer, stage, sum(bytes), min(bytes) FROM bytes "
        "WHERE round = ? AND stage = ? GROUP BY direction, layer ORDER BY direction DESC, layer");
    query->bind(1, id);
    query->bind(2, std::string(stage));
    return ledger_rows(query);
  });
}

std::vector<ClientBytes> Journal::bytes_of_clients(std::string_view stage) const {
  return read(*state_, [&] {
    std::vector<ClientBytes> rows;
    const Prepared query = state_->prepare(
        "SELECT client, direction, layer, sum(bytes) FROM bytes WHERE stage = ? "
        "GROUP BY client, direction, layer ORDER BY client, direction DESC, layer");
    query->bind(1, std::string(stage));
    while (query->executeStep()) {
      rows.push_back({.client = {query[0].getString()},
                      .direction = direction(query[1].getString()),
                      .layer = query[2].getString(),
                      .bytes = query[3].getInt64()});
    }
    return rows;
  });
}

std::int64_t Journal::total_bytes(Direction direction,
                                  std::string_view stage,
                                  std::optional<std::string_view> layer) const {
  return read(*state_, [&] {
    const Prepared query = state_->prepare(
        "SELECT coalesce(sum(bytes), 0) FROM bytes "
        "WHERE direction = ?1 AND stage = ?2 AND (?3 IS NULL OR layer = ?3)");
    query->bind(1, std::string(direction_name(direction)));
    query->bind(2, std::string(stage));
    if (layer.has_value()) {
      query->bind(3, std::string(*layer));
    } else {
      query->bind(3);
    }
    query->executeStep();
    return query[0].getInt64();
  });
}

}  // namespace lorae::runs
