#include "runs/run_directory.h"

#include <charconv>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/error.h"
#include "runs/journal.h"

namespace lorae::runs {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".safetensors";

std::string round_file(std::string_view kind, RoundId round) {
  std::string number = std::to_string(round.value);
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
    RoundId round;
    const auto [end, status] = std::from_chars(name.data(), name.data() + name.size(), round.value);
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
  return {path / kLockFile, FileLock::Wait::kNo,
          "one run has one coordinator; stop the other or choose another folder"};
}

/// Removes the journal that a crash in the middle of `create` leaves.
void remove_unused_journal(const fs::path& folder) {
  const fs::path journal = folder / kJournalFile;
  std::error_code status;
  if (!fs::exists(fs::symlink_status(journal, status))) {
    return;
  }
  check(is_unused_journal(journal), ErrorCode::kInvalidConfig, "[run] '", folder.string(),
        "' holds a ", kJournalFile, " but no ", kConfigFile,
        "; restore that from a copy, or choose another folder");
  for (const char* suffix : {"-wal", "-shm", ""}) {
    fs::remove(journal.string() + suffix, status);
  }
}

}  // namespace

bool is_unused_journal(const fs::path& journal) {
  std::error_code status;
  if (fs::file_size(journal, status) == 0 && !status) {
    return true;
  }
  try {
    return Journal(journal, Journal::Mode::kRead).rounds().empty();
  } catch (const Error&) {
    return false;
  }
}

RunDirectory::RunDirectory(fs::path path, FileLock lock, std::string config_text)
    : path_(std::move(path)), lock_(std::move(lock)), config_text_(std::move(config_text)) {}

RunDirectory RunDirectory::create(const fs::path& path, std::string_view effective_config) {
  ensure_directory(path);
  FileLock lock = lock_folder(path);
  std::error_code status;
  check(!fs::exists(fs::symlink_status(path / kConfigFile, status)), ErrorCode::kInvalidConfig,
        "[run] '", path.string(),
        "' holds a run already; choose another folder, or go on with that run");
  remove_unused_journal(path);
  Journal(path / kJournalFile, Journal::Mode::kNew)
      .set_meta(kConfigKey, digest_of(view_of(effective_config)).hex());
  write_file_atomic(path / kConfigFile, effective_config);  // now it is a run
  return {path, std::move(lock), std::string(effective_config)};
}

RunDirectory RunDirectory::open(const fs::path& path) {
  std::error_code status;
  check(fs::is_regular_file(path / kConfigFile, status), ErrorCode::kInvalidConfig, "[run] '",
        path.string(), "' is not the folder of a run: expected a file ", kConfigFile, " in it");
  FileLock lock = lock_folder(path);
  for (const fs::path& file : entries(path)) {
    if (is_leftover(file.filename().string())) {
      fs::remove(file, status);
    }
  }
  return {path, std::move(lock), std::string(text_of(read_file(path / kConfigFile)))};
}

void RunDirectory::set_config(std::string_view text, Journal& journal) {
  if (text == config_text_) {
    return;
  }
  auto transaction = journal.begin();
  journal.set_meta(kConfigBeforeKey, digest_of(view_of(config_text_)).hex());
  journal.set_meta(kConfigKey, digest_of(view_of(text)).hex());
  transaction.commit();
  write_file_atomic(path_ / kConfigFile, text);
  config_text_ = text;
}

fs::path RunDirectory::adapter_of(const fs::path& folder, RoundId round) {
  return folder / round_file("adapter-", round);
}

fs::path RunDirectory::server_state_path(RoundId round) const {
  return path_ / round_file("server-", round);
}

void RunDirectory::prune(RoundId last, int keep) const {
  check(keep >= 1, ErrorCode::kInvalidArgument, "[run] prune: expected to keep at least 1, got ",
        keep);
  const auto kept = static_cast<std::uint64_t>(keep);
  for (const fs::path& file : entries(path_)) {
    const std::optional<RoundId> round = round_of(file.filename().string());
    if (round.has_value() && *round <= last && last.value - round->value >= kept) {
      std::error_code ignored;
      fs::remove(file, ignored);
    }
  }
}

}  // namespace lorae::runs
