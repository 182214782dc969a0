// Whether the file of a journal is whole. SQLite alone does not say: it takes an empty file for a
// new database (and deletes the log beside it), and what is cut off for zeros.

#include <algorithm>
#include <array>
#include <fstream>
#include <set>

#include "base/atomic_file.h"
#include "runs/damage.h"
#include "runs/journal_sqlite.h"

namespace lorae::runs {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic("SQLite format 3\0", 16);

std::uint32_t big_endian(ByteView bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = value << 8U | std::to_integer<std::uint32_t>(bytes[at + i]);
  }
  return value;
}

/// The numbers of the pages that the log beside `path` holds, from 1.
/// Source: https://www.sqlite.org/fileformat2.html, section 4.
std::set<std::int64_t> pages_of_log(const fs::path& path, std::size_t page_size) {
  constexpr std::size_t kHeader = 32, kFrameHeader = 24;
  const fs::path log = path.string() + "-wal";
  std::set<std::int64_t> durable, pending;
  std::error_code status;
  if (!fs::is_regular_file(log, status)) {
    return durable;
  }
  const Bytes bytes = read_file(log);
  const ByteView all(bytes);
  const std::size_t frame = kFrameHeader + page_size;
  for (std::size_t at = kHeader; at + frame <= all.size(); at += frame) {
    const bool current = std::ranges::equal(all.subspan(at + 8, 8), all.subspan(16, 8));
    if (!current) {
      break;  // of an earlier turn of the log
    }
    pending.insert(big_endian(all, at));
    if (big_endian(all, at + 4) != 0) {  // the end of a transaction
      durable.merge(pending);
      pending.clear();
    }
  }
  return durable;
}

void check_pages(JournalState& state) {
  Prepared query = state.prepare("PRAGMA quick_check(1)");
  query->executeStep();
  std::string verdict = query[0].getString();
  if (verdict != "ok") {
    std::ranges::replace(verdict, '\n', ' ');
    fail_damaged(state.path, verdict);
  }
}

/// The insides of a payload are none of SQLite's business.
void check_payloads(JournalState& state) {
  Prepared query = state.prepare(
      "SELECT client, digest, payload FROM updates "
      "WHERE round IN (SELECT round FROM rounds WHERE state = 'open') AND payload IS NOT NULL");
  while (query->executeStep()) {
    if (digest_of(blob(query[2])) != digest(query[1], state.path)) {
      fail_damaged(state.path, str("the update of client ", query[0].getString(),
                                   " is not the one that was accepted"));
    }
  }
}

}  // namespace

void fail_damaged(const fs::path& path, std::string_view how) {
  fail(ErrorCode::kCorruptData, "[journal] '", path.string(), "' is damaged: ", how,
       "; restore it from a copy, or start a new run with --fresh");
}

void check_head(const fs::path& path) {
  std::error_code status;
  const fs::file_type type = fs::status(path, status).type();
  if (type == fs::file_type::not_found) {
    fail_damaged(path, "it is missing");
  }
  if (type != fs::file_type::regular && type != fs::file_type::none) {  // none: may not be asked
    fail_damaged(path, "it is not a file");
  }
  std::ifstream file(path, std::ios::binary);
  check(file.is_open(), ErrorCode::kUnavailable, "[journal] cannot open '", path.string(),
        "': ", errno_text(), "; check the folder and its permissions");
  std::array<char, kMagic.size()> head{};
  file.read(head.data(), head.size());
  if (file.gcount() == 0) {
    fail_damaged(path, "it is empty");
  }
  if (std::string_view(head.data(), static_cast<std::size_t>(file.gcount())) != kMagic) {
    fail_damaged(path, "it does not begin as a journal does");
  }
}

void check_extent(JournalState& state) {
  // Within a transaction nobody takes the pages that we see out of the log.
  SQLite::Transaction snapshot(state.database);
  const auto number = [&](const char* query) {
    return state.database.execAndGet(query).getInt64();
  };
  number("SELECT count(*) FROM sqlite_master");
  const std::int64_t count = number("PRAGMA page_count");
  const std::int64_t page_size = number("PRAGMA page_size");
  std::error_code status;
  const auto size = static_cast<std::int64_t>(fs::file_size(state.path, status));
  check(!status, ErrorCode::kUnavailable, "[journal] '", state.path.string(),
        "': ", status.message());
  if (size >= count * page_size) {
    return;
  }
  const auto log = pages_of_log(state.path, static_cast<std::size_t>(page_size));
  for (std::int64_t page = size / page_size + 1; page <= count; ++page) {
    if (!log.contains(page)) {
      fail_damaged(state.path,
                   str("it is cut: expected ", count * page_size, " bytes, got ", size));
    }
  }
}

void Journal::verify() const {
  check(!state_->grouped, ErrorCode::kInvalidArgument, "[journal] '", path().string(),
        "': cannot be verified while a transaction is open");
  read(*state_, [&] {
    check_extent(*state_);
    check_pages(*state_);
    check_payloads(*state_);
  });
}

}  // namespace lorae::runs
