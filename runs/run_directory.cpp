#include "runs/run_directory.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/error.h"
#include "runs/journal.h"

namespace lorae::runs {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfig = "config.toml";
constexpr std::string_view kJournal = "journal.db";
constexpr std::string_view kLock = "LOCK";
constexpr std::string_view kSuffix = ".safetensors";

std::string round_file(std::string_view kind, RoundId round) {
  std::string number = std::to_string(round);
  number.insert(0, number.size() < 6 ? 6 - number.size() : 0, '0');
  return str(kind, number, kSuffix);
}

/// The round in the name of a file that `round_file` names.
std::optional<RoundId> round_of(std::string_view name) {
  for (const std::string_view kind : {"adapter-", "server-"}) {
    if (!name.starts_with(kind) || !name.ends_with(kSuffix)) {
      continue;
    }
    name.remove_prefix(kind.size());
    name.remove_suffix(kSuffix.size());
    RoundId round = 0;
    const auto [end, status] = std::from_chars(name.data(), name.data() + name.size(), round);
    if (status == std::errc() && end == name.data() + name.size()) {
      return round;
    }
    return std::nullopt;
  }
  return std::nullopt;
}

/// True for what `write_file_atomic` leaves behind when its process is killed: "name.tmp1234".
bool is_leftover(const std::string& name) {
  const std::size_t mark = name.rfind(".tmp");
  return mark != std::string::npos && mark + 4 < name.size() &&
         name.find_first_not_of("0123456789", mark + 4) == std::string::npos;
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code status;
  for (fs::directory_iterator entry(folder, status), end; !status && entry != end;
       entry.increment(status)) {
    found.push_back(entry->path());
  }
  return found;
}

FileLock lock_folder(const fs::path& path) {
  return {path / kLock, FileLock::Wait::kNo,
          "one run has one coordinator; stop the other or choose another folder"};
}

bool is_unfinished(const fs::path& folder, std::string_view config_digest_hex) {
  try {
    if (digest_of(read_file(folder / kConfig)).hex() != config_digest_hex) {
      return false;
    }
    const Journal journal(folder / kJournal, Journal::Mode::kRead);
    return journal.meta(kStateKey) != std::string(kStateFinished);
  } catch (const Error&) {
    return false;  // not a run, or one that nobody can go on with
  }
}

}  // namespace

RunDirectory::RunDirectory(fs::path path, FileLock lock, std::string config_text)
    : path_(std::move(path)), lock_(std::move(lock)), config_text_(std::move(config_text)) {}

RunDirectory RunDirectory::create(const fs::path& path, std::string_view effective_config) {
  ensure_directory(path);
  FileLock lock = lock_folder(path);
  check(!fs::exists(path / kConfig), ErrorCode::kInvalidConfig, "[run] '", path.string(),
        "' holds a run already; choose another folder, or go on with that run");
  write_file_atomic(path / kConfig, effective_config);
  return {path, std::move(lock), std::string(effective_config)};
}

RunDirectory RunDirectory::open(const fs::path& path) {
  std::error_code status;
  check(fs::is_regular_file(path / kConfig, status), ErrorCode::kInvalidConfig, "[run] '",
        path.string(), "' is not the folder of a run: expected a file ", kConfig, " in it");
  FileLock lock = lock_folder(path);
  for (const fs::path& file : entries(path)) {
    if (is_leftover(file.filename().string())) {
      fs::remove(file, status);
    }
  }
  return {path, std::move(lock), std::string(text_of(read_file(path / kConfig)))};
}

fs::path RunDirectory::journal_path() const {
  return path_ / kJournal;
}

fs::path RunDirectory::adapter_path(RoundId round) const {
  return path_ / round_file("adapter-", round);
}

fs::path RunDirectory::server_state_path(RoundId round) const {
  return path_ / round_file("server-", round);
}

void RunDirectory::prune(RoundId last, int keep) const {
  check(keep >= 1, ErrorCode::kInvalidArgument, "[run] prune: expected to keep at least 1, got ",
        keep);
  const RoundId kept = static_cast<RoundId>(keep);
  for (const fs::path& file : entries(path_)) {
    const std::optional<RoundId> round = round_of(file.filename().string());
    if (round.has_value() && *round <= last && last - *round >= kept) {
      std::error_code ignored;
      fs::remove(file, ignored);
    }
  }
}

std::optional<fs::path> find_unfinished(const fs::path& runs_folder,
                                        std::string_view config_digest_hex) {
  std::vector<std::pair<fs::file_time_type, fs::path>> candidates;
  for (const fs::path& folder : entries(runs_folder)) {
    std::error_code status;
    const auto created = fs::last_write_time(folder / kConfig, status);
    if (!status) {
      candidates.emplace_back(created, folder);
    }
  }
  std::sort(candidates.rbegin(), candidates.rend());
  const auto found = std::find_if(candidates.begin(), candidates.end(), [&](const auto& candidate) {
    return is_unfinished(candidate.second, config_digest_hex);
  });
  return found == candidates.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace lorae::runs
