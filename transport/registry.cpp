#include "transport/registry.h"

#include <utility>

#include "base/atomic_file.h"
#include "base/config_reader.h"
#include "base/error.h"
#include "base/text.h"
#include "transport/keys.h"

namespace lorae::transport {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHeader =
    "# lorae clients v1: name public-key active|revoked; edit with: lorae enrol, lorae revoke\n";
constexpr std::string_view kSpace = " \t\r";

/// The words of a line.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::size_t begin = line.find_first_not_of(kSpace);
  while (begin != std::string_view::npos) {
    const std::size_t end = std::min(line.find_first_of(kSpace, begin), line.size());
    words.emplace_back(line.substr(begin, end - begin));
    begin = line.find_first_not_of(kSpace, end);
  }
  return words;
}

Registry::Entry parse_line(std::string_view line) {
  const std::vector<std::string> words = words_of(line);
  check(words.size() == 3, ErrorCode::kInvalidConfig,
        "expected 'name public-key active|revoked', got ", words.size(), " words");
  check(words[2] == "active" || words[2] == "revoked", ErrorCode::kInvalidConfig,
        "expected 'active' or 'revoked', got '", words[2], "'");
  return {ClientId{words[0]}, words[1], words[2] == "active", {}};
}

}  // namespace

Registry Registry::load(const fs::path& path) {
  std::error_code status;
  if (!fs::exists(path, status) && !status) {
    return {};
  }
  const Bytes bytes = read_file(path);
  return parse(text_of(bytes), path.string());
}

Registry Registry::parse(std::string_view text, std::string_view origin) {
  Registry registry;
  std::string comment;
  for (std::size_t line_number = 1; !text.empty(); ++line_number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t first = line.find_first_not_of(kSpace);
    if (first == std::string_view::npos || line[first] == '#') {
      comment += str(line, '\n');
      continue;
    }
    try {
      Entry entry = parse_line(line);
      entry.comment = std::exchange(comment, {});
      registry.add(std::move(entry));
    } catch (const Error& error) {
      fail(error.code(), origin, ':', line_number, ": ", error.what());
    }
  }
  registry.last_comment_ = std::move(comment);
  return registry;
}

std::string Registry::text() const {
  std::string text;
  for (const Entry& entry : entries_) {
    text += str(entry.comment, entry.client, ' ', entry.public_key, ' ',
                entry.active ? "active" : "revoked", '\n');
  }
  text += last_comment_;
  return text.starts_with('#') ? text : str(kHeader, text);
}

void Registry::save(const fs::path& path) const {
  write_file_atomic(path, text());
}

const Registry::Entry* Registry::entry_of(std::string_view public_key) const {
  const auto found = by_key_.find(public_key);
  return found == by_key_.end() ? nullptr : &entries_[found->second];
}

const ClientId* Registry::find(std::string_view public_key) const {
  const Entry* const entry = entry_of(public_key);
  return entry == nullptr || !entry->active ? nullptr : &entry->client;
}

bool Registry::is_active(const ClientId& client) const {
  const auto found = by_name_.find(client.name);
  return found != by_name_.end() && entries_[found->second].active;
}

std::vector<ClientId> Registry::revoked_by(const Registry& next) const {
  std::vector<ClientId> revoked;
  for (const Entry& entry : entries_) {
    if (entry.active && !next.is_active(entry.client)) {
      revoked.push_back(entry.client);
    }
  }
  return revoked;
}

void Registry::add(Entry entry) {
  const std::string& name = entry.client.name;
  check(is_client_name(name), ErrorCode::kInvalidConfig, "'", name,
        "' cannot be a client's name: expected 1 to 64 letters, digits, '.', '_' or '-'");
  check(is_key(entry.public_key), ErrorCode::kInvalidConfig, "the key of client '", name,
        "' is not a public key: expected 40 characters of Z85, got '", entry.public_key,
        "'; quote it with '...' in a shell");
  check(!by_name_.contains(name), ErrorCode::kInvalidConfig, "client '", name,
        "' stands on two lines");
  const auto same_key = by_key_.find(entry.public_key);
  check(same_key == by_key_.end(), ErrorCode::kInvalidConfig, "the key of client '", name,
        "' is enrolled already, under the name '",
        same_key == by_key_.end() ? "" : entries_[same_key->second].client.name, "'");
  by_name_[name] = entries_.size();
  by_key_[entry.public_key] = entries_.size();
  entries_.push_back(std::move(entry));
}

void Registry::enrol(const std::string& name, const std::string& public_key) {
  const auto found = by_name_.find(name);
  if (found != by_name_.end() && entries_[found->second].public_key == public_key) {
    entries_[found->second].active = true;
    return;
  }
  check(found == by_name_.end(), ErrorCode::kInvalidConfig, "[registry] client '", name,
        "' is enrolled already, with another key; a device with a new key needs a new name");
  try {
    add({ClientId{name}, public_key, true, {}});
  } catch (const Error& error) {
    fail(error.code(), "[registry] ", error.what());
  }
}

void Registry::revoke(const std::string& name) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    std::set<std::string> names;
    for (const Entry& entry : entries_) {
      names.insert(entry.client.name);
    }
    const std::string near = nearest(name, names);
    fail(ErrorCode::kInvalidConfig, "[registry] nobody called '", name, "' is enrolled",
         near.empty() ? "" : "; did you mean '", near, near.empty() ? "" : "'?");
  }
  entries_[found->second].active = false;
}

void update_registry(const fs::path& path, const std::function<void(Registry&)>& edit) {
  // Beside the file and not the file itself, which is replaced by every save.
  const FileLock lock(path.string() + ".lock", FileLock::Wait::kYes);
  Registry registry = Registry::load(path);
  edit(registry);
  registry.save(path);
}

}  // namespace lorae::transport
