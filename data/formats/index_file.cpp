#include "data/formats/index_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/atomic_file.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/in_parallel.h"
#include "base/staged_file.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "LoRAE index 5\n";
constexpr std::int64_t kNoMore = 0, kMore = 1;  // whether others follow
constexpr std::size_t kPathBytes = 1U << 20U;   // of those that are looked at together

/// What tells that a file or a folder changed; all zero if there is none.
struct Stamp {
  std::int64_t size = 0, modified = 0, changed = 0;
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

/// The files behind a half, in any order, each ended by a zero: hands on some at a time.
void paths_of(const Half& half, const std::function<void(const std::string&)>& take) {
  std::string paths;
  const auto add = [&](const std::string& path) {
    paths.append(path.c_str(), path.size() + 1);
    if (paths.size() >= kPathBytes) {
      take(paths);
      paths.clear();
    }
  };
  for (const fs::path& path : half.sources) {
    add(path.native());
  }
  for (std::int64_t i = 0; i < half.items.size(); ++i) {
    const Item item = half.items.at(i);
    add(item.picture);
    if (!item.label.empty()) {
      add(item.label);
    }
  }
  take(paths);
}

/// What is at `paths`, each ended by a zero: another digest if one of them changes.
Digest stamps_of(const std::string& paths) {
  std::vector<const char*> each;
  for (std::size_t at = 0; at < paths.size(); at += std::strlen(&paths[at]) + 1) {
    each.push_back(&paths[at]);
  }
  std::vector<Stamp> stamps(each.size());
  constexpr std::int64_t kAtOnce = 256;  // a thread's turn
  const std::int64_t count = std::ssize(each);
  in_parallel((count + kAtOnce - 1) / kAtOnce, [&](std::int64_t part) {
    for (std::int64_t i = part * kAtOnce; i < std::min((part + 1) * kAtOnce, count); ++i) {
      const auto k = static_cast<std::size_t>(i);
      stamps[k] = stamp_of(each[k]);
    }
  });
  return digest_of(bytes_of(std::span<const Stamp>(stamps)));
}

/// An index as it is written: numbers, texts and bytes behind each other, and their digest.
class Writer {
 public:
  explicit Writer(const fs::path& file) : file_(file) {}

  void bytes(ByteView bytes) {
    hasher_.add(bytes);
    waiting_ += text_of(bytes);
    if (waiting_.size() >= kWaiting) {
      flush();
    }
  }
  void number(std::int64_t value) { bytes(bytes_of(std::span<const std::int64_t>(&value, 1))); }
  void text(std::string_view value) {
    number(std::ssize(value));
    bytes(view_of(value));
  }
  void end() {
    flush();
    const Digest digest = hasher_.finish();
    file_.write(digest.view());
    file_.put_in_place();
  }

 private:
  static constexpr std::size_t kWaiting = 1U << 16U;  // bytes: a number is not worth a call

  void flush() {
    file_.write(view_of(waiting_));
    waiting_.clear();
  }

  StagedFile file_;
  Hasher hasher_;
  std::string waiting_;
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
  std::string text(std::uint64_t size, std::uint64_t most) {
    good_ = good_ && size <= most;
    return good_ ? text(size) : std::string();
  }
  std::string text() { return text(static_cast<std::uint64_t>(number())); }

  bool good() const { return good_; }
  std::uint64_t left() const { return left_; }
  /// Whether the digest at the end is that of all that stands before.
  bool whole() {
    Digest said;
    return good_ && left_ == 0 &&
           in_.read(reinterpret_cast<char*>(said.bytes.data()), std::ssize(said.bytes)).good() &&
           hasher_.finish() == said;
  }

 private:
  std::ifstream in_;
  Hasher hasher_;
  std::uint64_t left_ = 0;  // bytes before the digest
  bool good_ = false;
};

/// Nothing if it is damaged, or if a source has changed.
std::optional<Known> kept(const fs::path& file) {
  std::error_code status;
  if (!fs::exists(file, status)) {
    return std::nullopt;
  }
  Reader in(file);
  if (in.text(kMagic.size()) != kMagic) {
    return std::nullopt;
  }
  while (in.number() == kMore) {
    const auto size = static_cast<std::uint64_t>(in.number());
    const std::string paths = in.text(size, 2 * kPathBytes);
    Digest stamps;
    if (!in.take(stamps.bytes) || stamps_of(paths) != stamps) {
      return std::nullopt;
    }
  }
  Known known;
  while (in.number() == kMore) {
    if (!known.catalogue.add_piece([&](std::span<std::byte> to) { return in.take(to); },
                                   in.left())) {
      return std::nullopt;
    }
  }
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
  return in.whole() ? std::optional(std::move(known)) : std::nullopt;
}

/// Removes what processes that were stopped while they wrote an index left beside it.
void remove_left_by_the_dead(const fs::path& file) {
  std::error_code status, ignored;
  for (fs::directory_iterator it(file.parent_path(), status), end; !status && it != end;
       it.increment(status)) {
    if (StagedFile::is_left(it->path(), file)) {
      fs::remove(it->path(), ignored);
    }
  }
}

/// Reads a half into an index, a thousand pictures at a time: no more labels are in memory. Errors:
/// as read_half's; kUnavailable if the disk is full.
void keep(const fs::path& file, const Half& half) {
  ensure_directory(file.parent_path());
  remove_left_by_the_dead(file);
  Writer out(file);
  out.bytes(view_of(kMagic));
  // Before they are read: what changes meanwhile is read again.
  paths_of(half, [&](const std::string& paths) {
    out.number(kMore);
    out.text(paths);
    out.bytes(stamps_of(paths).view());
  });
  out.number(kNoMore);
  const Known known = read_half(half, [&](const Catalogue& some) {
    out.number(kMore);
    std::string front;
    for (const ByteView piece : some.last_piece(front)) {
      out.bytes(piece);
    }
  });
  out.number(kNoMore);
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
  out.end();
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
  {
    const Half half = find();
    if (!folder || half.items.size() < at_least) {
      return read_half(half);
    }
    try {
      keep(file, half);
    } catch (const Error&) {
      return read_half(half);  // a cache that cannot be written costs time alone
    }
  }
  if (auto known = kept(file)) {
    return *std::move(known);
  }
  return read_half(find());  // it changes all the time
}

}  // namespace lorae::data
