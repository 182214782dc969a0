#include "data/formats/index_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/atomic_file.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/in_parallel.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "LoRAE index 4\n";

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

/// The files behind a half, in any order, each ended by a zero: pieces of it.
std::vector<ByteView> paths_of(const Half& half) {
  std::vector<ByteView> paths;
  const auto add = [&](const std::string& path) {
    paths.push_back(std::as_bytes(std::span(path.c_str(), path.size() + 1)));
  };
  for (const fs::path& path : half.sources) {
    add(path.native());
  }
  for (const Item& item : half.items) {
    add(item.picture);
    if (!item.label.empty()) {
      add(item.label);
    }
  }
  return paths;
}

std::vector<Stamp> stamps_of(const std::vector<ByteView>& paths) {
  std::vector<Stamp> stamps;
  stamps.reserve(paths.size());
  for (const ByteView path : paths) {
    stamps.push_back(stamp_of(text_of(path).data()));
  }
  return stamps;
}

/// Whether the files at `paths`, each ended by a zero, are as `stamps` has them.
bool unchanged(const std::string& paths, const std::vector<Stamp>& stamps) {
  std::vector<const char*> starts;
  starts.reserve(stamps.size());
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
    for (std::int64_t i = part * kAtOnce; same && i < std::min((part + 1) * kAtOnce, count); ++i) {
      const auto k = static_cast<std::size_t>(i);
      if (stamp_of(starts[k]) != stamps[k]) {
        same = false;
      }
    }
  });
  return same;
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

/// An index from its file, piece by piece, so that it is not in memory twice. What has no place in
/// the file is empty or 0, and it is no longer good.
class Reader {
 public:
  explicit Reader(const fs::path& file) : in_(file, std::ios::binary) {
    std::error_code unknown;
    const std::uintmax_t size = fs::file_size(file, unknown);
    constexpr std::size_t kDigest = sizeof(Digest::bytes);
    good_ = in_.good() && !unknown && size >= kDigest;
    left_ = good_ ? size - kDigest : 0;
  }

  bool take(std::span<std::byte> to) {
    good_ = good_ && to.size() <= left_ &&
            in_.read(reinterpret_cast<char*>(to.data()), std::ssize(to)).good();
    if (good_) {
      left_ -= to.size();
      hasher_.add(to);
    }
    return good_;
  }
  std::int64_t number() {
    std::int64_t value = 0;
    return take(std::as_writable_bytes(std::span(&value, 1))) ? value : 0;
  }
  std::string text(std::uint64_t size) {
    std::string value;
    if (size <= left_) {
      value.resize(size);
      take(std::as_writable_bytes(std::span(value)));
    } else {
      good_ = false;
    }
    return value;
  }
  std::string text() { return text(static_cast<std::uint64_t>(number())); }

  bool good() const { return good_; }
  std::uint64_t left() const { return left_; }
  /// Whether the digest at the end is that of all that stands before. Precondition: left() == 0.
  bool whole() {
    Digest said;
    return good_ &&
           in_.read(reinterpret_cast<char*>(said.bytes.data()), std::ssize(said.bytes)).good() &&
           hasher_.finish() == said;
  }

 private:
  std::ifstream in_;
  Hasher hasher_;
  std::uint64_t left_ = 0;  // bytes before the digest
  bool good_ = false;
};

/// What stands between the sources and the catalogue.
std::string labels_of(const Known& known) {
  Writer out;
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
  out.number(known.left_out);
  return std::move(out.bytes);
}

bool read_sources(Reader& in) {
  const std::string paths = in.text();
  const std::string bytes = in.text();
  std::vector<Stamp> stamps(bytes.size() / sizeof(Stamp));
  std::memcpy(stamps.data(), bytes.data(), stamps.size() * sizeof(Stamp));
  return in.good() && unchanged(paths, stamps);
}

/// Nothing if it is damaged, or if a source has changed.
std::optional<Known> kept(const fs::path& file) {
  std::error_code status;
  if (!fs::exists(file, status)) {
    return std::nullopt;
  }
  Reader in(file);
  if (in.text(kMagic.size()) != kMagic || !read_sources(in)) {
    return std::nullopt;
  }
  Known known;
  for (std::int64_t i = in.number(); i > 0 && in.good(); --i) {
    known.classes.push_back(in.text());
  }
  known.annotation = static_cast<Annotation>(in.number());
  for (std::int64_t i = in.number(); i > 0 && in.good(); --i) {
    Problem& problem = known.problems.emplace_back();
    problem.flaw = static_cast<Flaw>(in.number());
    problem.file = in.text();
    problem.line = in.number();
    problem.what = in.text();
  }
  known.left_out = in.number();
  const bool read =
      in.good() &&
      known.catalogue.read([&](std::span<std::byte> to) { return in.take(to); }, in.left()) &&
      in.whole();
  return read ? std::optional(std::move(known)) : std::nullopt;
}

void keep(const fs::path& file,
          const Known& known,
          const std::vector<ByteView>& paths,
          const std::vector<Stamp>& stamps) {
  std::uint64_t bytes_of_paths = 0;
  for (const ByteView path : paths) {
    bytes_of_paths += path.size();
  }
  const ByteView stamp_bytes = bytes_of(std::span(stamps));
  Writer before, between;
  before.bytes = kMagic;
  before.number(static_cast<std::int64_t>(bytes_of_paths));
  between.number(std::ssize(stamp_bytes));
  const std::string labels = labels_of(known);
  std::string front;
  std::vector<ByteView> pieces{view_of(before.bytes)};
  pieces.insert(pieces.end(), paths.begin(), paths.end());
  pieces.insert(pieces.end(), {view_of(between.bytes), stamp_bytes, view_of(labels)});
  std::ranges::copy(known.catalogue.pieces(front), std::back_inserter(pieces));
  Hasher hasher;
  for (const ByteView piece : pieces) {
    hasher.add(piece);
  }
  const Digest digest = hasher.finish();
  pieces.push_back(digest.view());
  ensure_directory(file.parent_path());
  write_file_atomic(file, pieces);
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
  const std::vector<ByteView> paths = paths_of(half);
  const std::vector<Stamp> stamps =
      stamps_of(paths);  // before: what changes meanwhile is read again
  Known known = read_half(half);
  try {
    keep(file, known, paths, stamps);
  } catch (const Error&) {
    // A cache that cannot be written costs time alone.
  }
  return known;
}

}  // namespace lorae::data
