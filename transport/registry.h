#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace lorae::transport {

/// The allow-list of a coordinator: which public key speaks for which client.
///
/// A text file with one client per line, `name public-key active|revoked`; lines that start with
/// `#` are comments. A value: copy it, edit the copy, hand the copy over.
class Registry {
 public:
  struct Entry {
    ClientId client;
    std::string public_key;
    bool active = true;
    std::string comment;  ///< the comment lines before it in the file, kept by `save`
  };

  /// A missing file is an empty registry.
  /// Errors: kInvalidConfig as "file:line: ..." for the first bad line; nothing is half read.
  static Registry load(const std::filesystem::path& path);
  /// Errors: kInvalidConfig, naming `origin` and the line.
  static Registry parse(std::string_view text, std::string_view origin);

  /// Replaces the file atomically. Errors: kUnavailable.
  void save(const std::filesystem::path& path) const;
  std::string text() const;

  /// Who the key speaks for, or null if it is unknown or revoked.
  const ClientId* find(std::string_view public_key) const;
  bool is_active(const ClientId& client) const;
  /// The clients that are active here and not in `next`, in the order of enrolment.
  std::vector<ClientId> revoked_by(const Registry& next) const;
  /// The line of a key, active or revoked; null if the key is unknown.
  const Entry* entry_of(std::string_view public_key) const;

  /// Adds a client. Enrolling the same name and key again makes a revoked client active.
  /// Errors: kInvalidConfig for a bad name or key, a known name with another key, or a known key
  ///         under another name.
  void enrol(const std::string& name, const std::string& public_key);

  /// Errors: kInvalidConfig if nobody has this name.
  void revoke(const std::string& name);

  const std::vector<Entry>& entries() const noexcept { return entries_; }

 private:
  void add(Entry entry);

  std::vector<Entry> entries_;  // in the order of enrolment
  std::string last_comment_;    // what follows the last entry
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::map<std::string, std::size_t, std::less<>> by_key_;
};

/// Loads, edits and saves under a lock beside the file, so that programs that do this at the same
/// time lose no edit. If `edit` throws, the file is unchanged.
/// Errors: as load and save.
void update_registry(const std::filesystem::path& path, const std::function<void(Registry&)>& edit);

}  // namespace lorae::transport
