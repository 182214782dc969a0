#include "runs/list_runs.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <tuple>
#include <utility>

#include "base/atomic_file.h"
#include "base/digest.h"
#include "runs/damage.h"
#include "runs/journal.h"
#include "runs/run_directory.h"

namespace lorae::runs {
namespace {

namespace fs = std::filesystem;

/// In microseconds since 1970.
using Created = std::int64_t;

struct Look {
  FoundRun run;
  std::optional<Created> created;  // as the journal says
};

std::optional<Created> number(const std::string& text) {
  Created value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = status == std::errc() && end == text.data() + text.size() && value > 0;
  return whole ? std::optional(value) : std::nullopt;
}

/// Of the last start with other operating keys; 0 if even that cannot be told.
Created time_of(const fs::path& file) {
  std::error_code status;
  const auto written = fs::last_write_time(file, status);
  if (status) {
    return 0;
  }
  const auto since = std::chrono::file_clock::to_sys(written).time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

/// Runs `body`; the first thing that goes wrong in a run is its damage.
template <typename Body>
void note_damage(FoundRun& run, Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    if (!run.damage) {
      run.damage = error;
    }
  } catch (const std::exception& error) {  // no memory, for example
    if (!run.damage) {
      run.damage = Error(ErrorCode::kUnavailable, str("[run] '", run.path.string(),
                                                      "' cannot be looked into: ", error.what()));
    }
  }
}

void look_at_journal(Look& look) {
  const fs::path path = look.run.path / kJournalFile;
  check_head(path);
  const Journal journal(path, Journal::Mode::kRead);
  look.created = number(journal.meta(kCreatedKey).value_or(""));
  look.run.last_committed = journal.last_committed();
  look.run.finished = journal.meta(kStateKey) == std::string(kStateFinished);
  journal.verify();
  const auto made_with = journal.meta(kConfigKey);
  const std::string digest = digest_of(view_of(look.run.config_text)).hex();
  check(look.run.damage || !made_with || *made_with == digest ||
            journal.meta(kConfigBeforeKey) == digest,
        ErrorCode::kCorruptData, "[run] '", (look.run.path / kConfigFile).string(),
        "' is damaged: it is not the one that this run was made with; restore it from a copy, or "
        "start a new run with --fresh");
}

std::optional<Look> look(const fs::path& folder) {
  std::error_code status;
  const fs::path config = folder / kConfigFile;
  const fs::file_type type = fs::symlink_status(config, status).type();
  const bool no_folder = status == std::errc::not_a_directory;
  const bool no_config = type == fs::file_type::not_found;
  if (no_folder || (no_config && !fs::exists(folder / kJournalFile, status))) {
    return std::nullopt;
  }
  if (no_config && is_unused_journal(folder / kJournalFile)) {
    return std::nullopt;
  }
  Look found;
  found.run.path = folder;
  if (no_config) {
    note_damage(found.run, [&] {
      fail(ErrorCode::kCorruptData, "[run] '", folder.string(),
           "' has a journal but not the config.toml that it was made with; restore it from a copy, "
           "or start a new run with --fresh");
    });
  } else {
    note_damage(found.run, [&] { found.run.config_text = text_of(read_file(config)); });
  }
  note_damage(found.run, [&] { look_at_journal(found); });
  return found;
}

}  // namespace

std::optional<FoundRun> look_into(const fs::path& folder) {
  std::optional<Look> found = look(folder);
  return found ? std::optional(std::move(found->run)) : std::nullopt;
}

std::vector<FoundRun> list_runs(const fs::path& folder) {
  std::vector<std::pair<Created, FoundRun>> found;
  std::error_code status;
  fs::directory_iterator entry(folder, status);
  for (const fs::directory_iterator end; !status && entry != end; entry.increment(status)) {
    if (std::optional<Look> run = look(entry->path())) {
      const Created created = run->created.value_or(time_of(entry->path() / kConfigFile));
      found.emplace_back(created, std::move(run->run));
    }
  }
  check(!status || status == std::errc::no_such_file_or_directory, ErrorCode::kUnavailable,
        "[run] cannot list '", folder.string(), "': ", status.message());
  std::ranges::sort(found, [](const auto& left, const auto& right) {
    return std::tie(left.first, left.second.path) > std::tie(right.first, right.second.path);
  });
  std::vector<FoundRun> runs;
  runs.reserve(found.size());
  for (auto& [created, run] : found) {
    runs.push_back(std::move(run));
  }
  return runs;
}

}  // namespace lorae::runs
