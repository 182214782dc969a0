#include "data/formats/index_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "base/atomic_file.h"
#include "base/digest.h"
#include "base/error.h"
#include "data/in_parallel.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "LoRAE index 2\n";

/// What tells that a file or a folder changed; all zero if there is none.
struct Stamp {
  std::int64_t size = 0, modified = 0, changed = 0;

  bool operator==(const Stamp&) const = default;
};

Stamp stamp_of(const char* path) {
  struct stat status {};
  if (::stat(path, &status) != 0) {
    return {};
  }
  const auto nanoseconds = [](const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  // Of a folder neither the size nor its status counts: times of entries that come and go do.
  return {.size = S_ISDIR(status.st_mode) ? -1 : std::int64_t{status.st_size},
          .modified = nanoseconds(status.st_mtim),
          .changed = S_ISDIR(status.st_mode) ? 0 : nanoseconds(status.st_ctim)};
}

/// The files behind a half, in any order.
struct Sources {
  std::string paths;  // each ended by a zero
  std::vector<Stamp> stamps;

  void add(const std::string& path) {
    paths += path;
    paths += '\0';
    stamps.push_back(stamp_of(path.c_str()));
  }

  bool unchanged() const {
    std::vector<const char*> starts;
    for (std::size_t at = 0; at < paths.size(); at += std::strlen(&paths[at]) + 1) {
      starts.push_back(&paths[at]);
    }
    if (starts.size() != stamps.size()) {
      return false;
    }
    constexpr std::int64_t kAtOnce = 256;
    const std::int64_t count = std::ssize(starts);
    std::atomic<bool> same = true;
    in_parallel((count + kAtOnce - 1) / kAtOnce, [&](std::int64_t part) {
      for (std::int64_t i = part * kAtOnce; same && i < std::min((part + 1) * kAtOnce, count);
           ++i) {
        const auto k = static_cast<std::size_t>(i);
        if (stamp_of(starts[k]) != stamps[k]) {
          same = false;
        }
      }
    });
    return same;
  }
};

Sources sources_of(const Half& half) {
  Sources sources;
  for (const fs::path& path : half.sources) {
    sources.add(path.string());
  }
  for (const Item& item : half.items) {
    sources.add(item.picture);
    if (!item.label.empty()) {
      sources.add(item.label);
    }
  }
  return sources;
}

class Writer {
 public:
  void number(std::int64_t value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void text(std::string_view value) {
    number(std::ssize(value));
    bytes += value;
  }

  std::string bytes;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  std::int64_t number() {
    std::int64_t value = 0;
    const std::string_view taken = take(sizeof(value));
    std::memcpy(&value, taken.data(), taken.size());
    return value;
  }
  std::string_view text() { return take(static_cast<std::size_t>(number())); }
  bool good() const { return good_; }
  std::string_view rest() const { return left_; }

 private:
  std::string_view take(std::size_t size) {
    good_ = good_ && size <= left_.size();
    const std::string_view taken = good_ ? left_.substr(0, size) : std::string_view{};
    left_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view left_;
  bool good_ = true;
};

std::string bytes_of(const Known& known, const Sources& sources) {
  Writer out;
  out.text(sources.paths);
  out.text({reinterpret_cast<const char*>(sources.stamps.data()),
            sources.stamps.size() * sizeof(Stamp)});
  out.number(std::ssize(known.classes));
  for (const std::string& name : known.classes) {
    out.text(name);
  }
  out.number(static_cast<std::int64_t>(known.annotation));
  out.number(std::ssize(known.problems));
  for (const Problem& problem : known.problems) {
    out.number(static_cast<std::int64_t>(problem.flaw));
    out.text(problem.file.string());
    out.number(problem.line);
    out.text(problem.what);
  }
  known.catalogue.write(out.bytes);
  return std::move(out.bytes);
}

/// Nothing if it is damaged, or if a source has changed.
std::optional<Known> read_index(std::string_view bytes) {
  Reader in(bytes);
  Sources sources;
  sources.paths = in.text();
  const std::string_view stamps = in.text();
  sources.stamps.resize(stamps.size() / sizeof(Stamp));
  std::memcpy(sources.stamps.data(), stamps.data(), sources.stamps.size() * sizeof(Stamp));
  if (!in.good() || !sources.unchanged()) {
    return std::nullopt;
  }
  Known known;
  for (std::int64_t i = in.number(); i > 0 && in.good(); --i) {
    known.classes.emplace_back(in.text());
  }
  known.annotation = static_cast<Annotation>(in.number());
  for (std::int64_t i = in.number(); i > 0 && in.good(); --i) {
    Problem& problem = known.problems.emplace_back();
    problem.flaw = static_cast<Flaw>(in.number());
    problem.file = in.text();
    problem.line = in.number();
    problem.what = in.text();
  }
  const bool whole = known.catalogue.read(in.rest());
  return whole && in.good() ? std::optional(std::move(known)) : std::nullopt;
}

std::optional<Known> kept(const fs::path& file) {
  std::error_code status;
  if (!fs::exists(file, status)) {
    return std::nullopt;
  }
  try {
    const Bytes all = read_file(file);
    const std::string_view text = text_of(all);
    constexpr std::size_t kDigest = sizeof(Digest::bytes);
    if (!text.starts_with(kMagic) || text.size() < kMagic.size() + kDigest) {
      return std::nullopt;
    }
    const std::string_view body = text.substr(kMagic.size(), text.size() - kMagic.size() - kDigest);
    if (text_of(digest_of(view_of(body)).view()) != text.substr(text.size() - kDigest)) {
      return std::nullopt;
    }
    return read_index(body);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

std::optional<fs::path> index_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty()) {
    return fs::path(cache) / "lorae" / "index";
  }
  const std::string home = variable("HOME");
  return home.empty() ? std::nullopt : std::optional(fs::path(home) / ".cache" / "lorae" / "index");
}

Known indexed(const std::optional<fs::path>& folder,
              const std::string& key,
              const std::function<Half()>& find,
              std::int64_t at_least) {
  fs::path file;
  if (folder) {
    file = *folder / (digest_of(view_of(key)).hex().substr(0, 32) + ".index");
    if (auto known = kept(file)) {
      return *std::move(known);
    }
  }
  const Half half = find();
  if (!folder || std::ssize(half.items) < at_least) {
    return read_half(half);
  }
  const Sources sources = sources_of(half);  // before: what changes meanwhile is read again
  Known known = read_half(half);
  const std::string body = bytes_of(known, sources);
  const Digest digest = digest_of(view_of(body));
  try {
    ensure_directory(*folder);
    write_file_atomic(file, std::vector<ByteView>{view_of(kMagic), view_of(body), digest.view()});
  } catch (const Error&) {
    // A cache that cannot be written costs time alone.
  }
  return known;
}

}  // namespace lorae::data
