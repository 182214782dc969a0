#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace lorae::transport {

/// A CURVE key pair; both are 40 characters of Z85 text.
/// Source: ZeroMQ RFC 26 (CurveZMQ) and RFC 32 (Z85). The alphabet holds `#`, `$` and `&`, but
/// no quotes and no spaces: quote a key with '...' in a shell.
struct KeyPair {
  std::string public_key;
  std::string secret_key;

  bool operator==(const KeyPair&) const = default;
};

/// A new random pair.
KeyPair generate_keys();

/// Errors: kInvalidConfig if `secret_key` is not a key.
std::string public_key_of(std::string_view secret_key);

/// True if `text` is the Z85 text of 32 bytes.
bool is_key(std::string_view text);

/// Generates a pair and writes it to `folder`/NAME.pub (mode 0644) and NAME.key (mode 0600).
/// Errors: kInvalidConfig if one of the files exists or `name` may not be a ClientId;
///         kUnavailable if they cannot be written; then neither file is left behind.
KeyPair write_keys(const std::filesystem::path& folder, const std::string& name);

/// The key in NAME.key.
/// Errors: kInvalidConfig if it is missing, malformed, not ours, or open to other users.
std::string read_secret_key(const std::filesystem::path& path);

/// The pair whose secret half is in NAME.key. Errors: as read_secret_key.
KeyPair read_keys(const std::filesystem::path& secret_path);

/// The key in NAME.pub. Errors: kInvalidConfig if it is missing, malformed or a secret key.
std::string read_public_key(const std::filesystem::path& path);

}  // namespace lorae::transport
