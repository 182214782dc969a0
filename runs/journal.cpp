#include "runs/journal.h"

#include <utility>

#include "base/error.h"
#include "runs/damage.h"
#include "runs/journal_sqlite.h"

namespace lorae::runs {
namespace {

constexpr char kSeparator = ',';  // no character of a client name
constexpr const char* kUplink = "uplink";
constexpr const char* kDownlink = "downlink";

std::string join(const std::vector<ClientId>& cohort) {
  std::string text;
  for (const ClientId& client : cohort) {
    check(is_client_name(client.name), ErrorCode::kInvalidArgument, "[journal] '", client.name,
          "' is not a client name");
    text += (text.empty() ? "" : std::string(1, kSeparator)) + client.name;
  }
  return text;
}

bool is_stage(std::string_view stage) {
  return !stage.empty() && stage.size() <= 64 &&
         stage.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_:.-") ==
             std::string_view::npos;
}

void check_entries(std::span<const BytesEntry> entries) {
  for (const BytesEntry& entry : entries) {
    check(is_stage(entry.stage), ErrorCode::kInvalidArgument, "[journal] bytes of layer '",
          entry.layer, "': expected a stage of 1 to 64 of [a-z0-9_:.-], got '", entry.stage, "'");
    check(entry.bytes >= 0, ErrorCode::kInvalidArgument, "[journal] bytes of layer '", entry.layer,
          "': expected at least 0, got ", entry.bytes);
  }
}

void insert_entries(JournalState& state,
                    std::int64_t round,
                    const ClientId& client,
                    std::span<const BytesEntry> entries) {
  const Prepared insert = state.prepare(
      "INSERT INTO bytes(round, client, direction, layer, stage, bytes) VALUES (?, ?, ?, ?, ?, ?) "
      "ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes");
  insert->bind(1, round);
  insert->bindNoCopy(2, client.name);
  for (const BytesEntry& entry : entries) {
    insert->bindNoCopy(3, entry.direction == Direction::kUplink ? kUplink : kDownlink);
    insert->bindNoCopy(4, entry.layer);
    insert->bindNoCopy(5, entry.stage);
    insert->bind(6, entry.bytes);
    insert->exec();
    insert->reset();
  }
}

/// The state of `round`: "open", "committed" or "" if it was never opened.
std::string round_state(JournalState& state, std::int64_t round) {
  const Prepared query = state.prepare("SELECT state FROM rounds WHERE round = ?");
  query->bind(1, round);
  return query->executeStep() ? query[0].getString() : "";
}

void check_open(JournalState& state, std::int64_t round) {
  const std::string is = round_state(state, round);
  check(is == "open", ErrorCode::kInvalidArgument, "[journal] '", state.path.string(), "': round ",
        round, " is ", is.empty() ? "not there" : is, ": expected open");
}

bool has_update(JournalState& state, std::int64_t round, const ClientId& client) {
  const Prepared query = state.prepare("SELECT 1 FROM updates WHERE round = ? AND client = ?");
  query->bind(1, round);
  query->bindNoCopy(2, client.name);
  return query->executeStep();
}

void insert_update(JournalState& state, std::int64_t round, const StoredUpdate& update) {
  const Prepared insert = state.prepare(
      "INSERT INTO updates(round, client, base_round, num_examples, digest, encoded_bytes, "
      "payload) VALUES (?, ?, ?, ?, ?, ?, ?)");
  const std::size_t size = update.payload.size();
  // A null pointer would be bound as NULL, which means "dropped".
  const void* payload = size == 0 ? static_cast<const void*>("") : update.payload.data();
  insert->bind(1, round);
  insert->bindNoCopy(2, update.client.name);
  insert->bind(3, sql_round(update.base_round));
  insert->bind(4, update.num_examples);
  insert->bindNoCopy(5, update.digest.bytes.data(), static_cast<int>(update.digest.bytes.size()));
  insert->bind(6, static_cast<std::int64_t>(size));
  insert->bindNoCopy(7, payload, static_cast<int>(size));
  insert->exec();
}

void insert_update_metrics(JournalState& state, std::int64_t round, const StoredUpdate& update) {
  const Prepared insert = state.prepare(
      "INSERT INTO update_metrics(round, client, place, name, value) VALUES (?, ?, ?, ?, ?)");
  insert->bind(1, round);
  insert->bindNoCopy(2, update.client.name);
  int place = 0;
  for (const auto& [name, value] : update.metrics) {
    insert->bind(3, place++);
    insert->bindNoCopy(4, name);
    insert->bind(5, value);
    insert->exec();
    insert->reset();
  }
}

/// A journal that somebody goes on with is looked at first, and not written if it is damaged.
std::unique_ptr<JournalState> open_state(const std::filesystem::path& path, Journal::Mode mode) {
  if (mode == Journal::Mode::kContinue) {
    check_head(path);
    Journal(path, Journal::Mode::kRead).verify();
  }
  return std::make_unique<JournalState>(path, mode);
}

}  // namespace

std::string_view direction_name(Direction direction) {
  return direction == Direction::kUplink ? kUplink : kDownlink;
}

Journal::Journal(const std::filesystem::path& path, Mode mode) : state_(open_state(path, mode)) {}
Journal::~Journal() = default;
Journal::Journal(Journal&& other) noexcept = default;

const std::filesystem::path& Journal::path() const {
  return state_->path;
}

Transaction Journal::begin() {
  return Transaction(*state_);
}

void Journal::set_meta(std::string_view key, std::string_view value) {
  write(*state_, [&] {
    const Prepared insert = state_->prepare(
        "INSERT INTO meta(key, value) VALUES (?, ?) "
        "ON CONFLICT DO UPDATE SET value = excluded.value");
    insert->bind(1, std::string(key));
    insert->bind(2, std::string(value));
    insert->exec();
  });
}

void Journal::set_share(const ClientId& client, std::int64_t share) {
  write(*state_, [&] {
    const Prepared insert = state_->prepare(
        "INSERT INTO clients(name, share) VALUES (?, ?) "
        "ON CONFLICT DO UPDATE SET share = excluded.share");
    insert->bind(1, client.name);
    insert->bind(2, share);
    insert->exec();
  });
}

void Journal::set_class_names(const std::vector<std::string>& names) {
  write(*state_, [&] {
    state_->prepare("DELETE FROM classes")->exec();
    const Prepared insert = state_->prepare("INSERT INTO classes(class, name) VALUES (?, ?)");
    for (std::size_t i = 0; i < names.size(); ++i) {
      insert->bind(1, static_cast<std::int64_t>(i));
      insert->bindNoCopy(2, names[i]);
      insert->exec();
      insert->reset();
    }
  });
}

void Journal::set_class_counts(const ClientId& client, const std::vector<std::int64_t>& counts) {
  for (const std::int64_t count : counts) {
    check(count >= 0, ErrorCode::kInvalidArgument, "[journal] examples of client ", client,
          ": expected at least 0, got ", count);
  }
  write(*state_, [&] {
    const Prepared drop = state_->prepare("DELETE FROM class_counts WHERE client = ?");
    drop->bindNoCopy(1, client.name);
    drop->exec();
    const Prepared insert =
        state_->prepare("INSERT INTO class_counts(client, class, examples) VALUES (?, ?, ?)");
    insert->bindNoCopy(1, client.name);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      insert->bind(2, static_cast<std::int64_t>(i));
      insert->bind(3, counts[i]);
      insert->exec();
      insert->reset();
    }
  });
}

void Journal::open_round(RoundId round, const std::vector<ClientId>& cohort) {
  const std::string names = join(cohort);
  const std::int64_t id = sql_round(round);
  write(*state_, [&] {
    const std::int64_t last =
        state_->database.execAndGet("SELECT coalesce(max(round), 0) FROM rounds").getInt64();
    const bool again = id == last && round_state(*state_, id) == "open";
    check(again || round_state(*state_, last) != "open", ErrorCode::kInvalidArgument, "[journal] '",
          path().string(), "': cannot open round ", round, " while round ", last, " is open");
    check(again || id > last, ErrorCode::kInvalidArgument, "[journal] '", path().string(),
          "': cannot open round ", round, ": expected a round after ", last);
    const Prepared insert = state_->prepare(
        "INSERT INTO rounds(round, state, cohort) VALUES (?, 'open', ?) "
        "ON CONFLICT(round) DO UPDATE SET cohort = excluded.cohort");
    insert->bind(1, id);
    insert->bindNoCopy(2, names);
    insert->exec();
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
  return write(*state_, [&] {
    if (has_update(*state_, id, update.client)) {
      return Stored::kDuplicate;
    }
    check_open(*state_, id);
    insert_update(*state_, id, update);
    insert_update_metrics(*state_, id, update);
    insert_entries(*state_, id, update.client, entries);
    return Stored::kNew;
  });
}

void Journal::commit_round(RoundId round,
                           const Digest& global,
                           double seconds,
                           bool keep_payloads) {
  const std::int64_t id = sql_round(round);
  write(*state_, [&] {
    check_open(*state_, id);
    const Prepared commit = state_->prepare(
        "UPDATE rounds SET state = 'committed', digest = ?, seconds = ? WHERE round = ?");
    commit->bindNoCopy(1, global.bytes.data(), static_cast<int>(global.bytes.size()));
    commit->bind(2, seconds);
    commit->bind(3, id);
    commit->exec();
    if (!keep_payloads) {
      const Prepared drop = state_->prepare("UPDATE updates SET payload = NULL WHERE round = ?");
      drop->bind(1, id);
      drop->exec();
    }
  });
}

void Journal::add_bytes(RoundId round,
                        const ClientId& client,
                        std::span<const BytesEntry> entries) {
  check_entries(entries);
  const std::int64_t id = sql_round(round);
  write(*state_, [&] { insert_entries(*state_, id, client, entries); });
}

void Journal::add_metrics(RoundId round, const Metrics& metrics) {
  const std::int64_t id = sql_round(round);
  write(*state_, [&] {
    const Prepared insert = state_->prepare(
        "INSERT INTO metrics(round, name, place, value) VALUES (?1, ?2, "
        "(SELECT coalesce(max(place), -1) + 1 FROM metrics WHERE round = ?1), ?3) "
        "ON CONFLICT DO UPDATE SET value = excluded.value");
    insert->bind(1, id);
    for (const auto& [name, value] : metrics) {
      insert->bindNoCopy(2, name);
      insert->bind(3, value);
      insert->exec();
      insert->reset();
    }
  });
}

}  // namespace lorae::runs
