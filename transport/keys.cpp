#include "transport/keys.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <array>
#include <iomanip>
#include <sstream>
#include <utility>

#include "base/atomic_file.h"
#include "base/bytes.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/ids.h"

namespace lorae::transport {
namespace {

namespace fs = std::filesystem;

using RawKey = std::array<std::uint8_t, 32>;
constexpr std::size_t kTextSize = 40;
constexpr std::size_t kMaxFileSize = 4096;
constexpr std::string_view kPublicHeader = "# lorae key v1 public";
constexpr std::string_view kSecretHeader = "# lorae key v1 secret - keep to yourself";

std::string encode(const RawKey& raw) {
  std::array<char, kTextSize + 1> text{};
  zmq_z85_encode(text.data(), raw.data(), raw.size());
  return text.data();
}

bool decode(std::string_view text, RawKey& raw) {
  const std::string terminated(text);
  return text.size() == kTextSize && terminated.find('\0') == std::string::npos &&
         zmq_z85_decode(raw.data(), terminated.c_str()) != nullptr && encode(raw) == text;
}

void start_sodium() {
  check(sodium_init() >= 0, ErrorCode::kUnavailable, "[keys] libsodium does not start");
}

/// A file that did not exist before; removed again unless it is kept.
class NewFile {
 public:
  NewFile(fs::path path, std::string_view text, FileMode mode) : path_(std::move(path)) {
    const auto bits = static_cast<mode_t>(mode);
    const Descriptor file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, bits));
    check(file.get() >= 0 || errno != EEXIST, ErrorCode::kInvalidConfig, "[keys] '", path_.string(),
          "' exists and is not overwritten; choose another name, or move it away");
    check(file.get() >= 0, ErrorCode::kUnavailable, "[keys] cannot create '", path_.string(),
          "': ", errno_text());
    ours_ = true;
    const bool written =
        ::fchmod(file.get(), bits) == 0 &&  // whatever the umask is
        ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
        ::fsync(file.get()) == 0;
    if (!written) {
      const std::string why = errno_text();
      ::unlink(path_.c_str());
      fail(ErrorCode::kUnavailable, "[keys] cannot write '", path_.string(), "': ", why);
    }
  }
  ~NewFile() {
    if (ours_) {
      ::unlink(path_.c_str());
    }
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void keep() { ours_ = false; }

 private:
  fs::path path_;
  bool ours_ = false;
};

std::string read_text(const Descriptor& file, const fs::path& path) {
  std::string text(kMaxFileSize, '\0');
  const ssize_t got = ::read(file.get(), text.data(), text.size());
  check(got >= 0, ErrorCode::kInvalidConfig, "[keys] cannot read '", path.string(),
        "': ", errno_text());
  text.resize(static_cast<std::size_t>(got));
  return text;
}

/// The key of a file of exactly two lines: a header, then the key.
std::string parse_file(const std::string& text, const fs::path& path, std::string_view kind) {
  const std::string start = str("# lorae key v1 ", kind);
  const std::size_t end = text.find('\n');
  const std::string header = text.substr(0, end);
  check(header.starts_with(start), ErrorCode::kInvalidConfig, "[keys] '", path.string(),
        "' is not a ", kind, " key: expected a first line '", start,
        "...'; make one with: ", "lorae keygen");
  std::string key = end == std::string::npos ? std::string() : text.substr(end + 1);
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) {
    key.pop_back();
  }
  // The text is not shown: in a secret file it may be most of the secret.
  check(is_key(key), ErrorCode::kInvalidConfig, "[keys] '", path.string(),
        "': expected 40 characters of Z85 on the second line, got ", key.size(),
        " that are not; copy the file again");
  return key;
}

Descriptor open_file(const fs::path& path) {
  return Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

}  // namespace

KeyPair generate_keys() {
  start_sodium();
  RawKey public_key{};
  RawKey secret_key{};
  crypto_box_keypair(public_key.data(), secret_key.data());
  return {encode(public_key), encode(secret_key)};
}

std::string public_key_of(std::string_view secret_key) {
  start_sodium();
  RawKey secret{};
  RawKey derived{};
  check(decode(secret_key, secret), ErrorCode::kInvalidConfig,
        "[keys] the secret key is not 40 characters of Z85");
  check(crypto_scalarmult_base(derived.data(), secret.data()) == 0, ErrorCode::kInvalidConfig,
        "[keys] the secret key has no public key");
  return encode(derived);
}

bool is_key(std::string_view text) {
  RawKey raw{};
  return decode(text, raw);
}

KeyPair write_keys(const fs::path& folder, const std::string& name) {
  check(is_client_name(name), ErrorCode::kInvalidConfig, "[keys] '", name,
        "' cannot name a key: expected 1 to 64 letters, digits, '.', '_' or '-'");
  ensure_directory(folder);
  const KeyPair keys = generate_keys();
  NewFile secret(folder / (name + ".key"), str(kSecretHeader, '\n', keys.secret_key, '\n'),
                 FileMode::kSecret);
  NewFile shared(folder / (name + ".pub"), str(kPublicHeader, '\n', keys.public_key, '\n'),
                 FileMode::kShared);
  secret.keep();
  shared.keep();
  return keys;
}

std::string read_secret_key(const fs::path& path) {
  const Descriptor file = open_file(path);
  struct stat status {};
  const bool found = file.get() >= 0 && ::fstat(file.get(), &status) == 0;
  check(found, ErrorCode::kInvalidConfig, "[keys] cannot read '", path.string(),
        "': ", errno_text(), "; make a key with: lorae keygen");
  check(S_ISREG(status.st_mode), ErrorCode::kInvalidConfig, "[keys] '", path.string(),
        "' is not a file");
  check(status.st_uid == ::geteuid(), ErrorCode::kInvalidConfig, "[keys] '", path.string(),
        "' belongs to user ", status.st_uid, ", but we run as user ", ::geteuid(), "; run chown ",
        ::geteuid(), ' ', path.string());
  std::ostringstream mode;
  mode << std::oct << std::setw(4) << std::setfill('0') << (status.st_mode & 0777U);
  check((status.st_mode & 0077U) == 0, ErrorCode::kInvalidConfig, "[keys] '", path.string(),
        "' can be read by others (mode ", mode.str(), "); run chmod 600 ", path.string());
  return parse_file(read_text(file, path), path, "secret");
}

KeyPair read_keys(const fs::path& secret_path) {
  const std::string secret = read_secret_key(secret_path);
  return {public_key_of(secret), secret};
}

std::string read_public_key(const fs::path& path) {
  const Descriptor file = open_file(path);
  check(file.get() >= 0, ErrorCode::kInvalidConfig, "[keys] cannot read '", path.string(),
        "': ", errno_text());
  return parse_file(read_text(file, path), path, "public");
}

}  // namespace lorae::transport
