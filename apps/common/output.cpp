#include "apps/common/output.h"

#include <cerrno>
#include <cstdio>

#include "base/error.h"
#include "base/text.h"

namespace lorae::apps {
namespace {

int lost = 0;  // errno of the first failure, which stdio does not keep

void note(bool written) {
  if (!written && lost == 0) {
    lost = errno == 0 ? EIO : errno;
  }
}

}  // namespace

void put(std::string_view text) {
  const std::string shown = printable(text, Lines::kMany);
  note(std::fwrite(shown.data(), 1, shown.size(), stdout) == shown.size());
}

std::string metrics_text(const Metrics& metrics) {
  std::string text;
  for (const auto& [name, value] : metrics) {
    const bool is_fraction = !name.starts_with("loss") && !name.starts_with("aggregation/");
    text += text.empty() ? "" : ", ";
    text += is_fraction ? fmt::format("{} {:.1f} %", name, 100 * value)
                        : fmt::format("{} {:.3f}", name, value);
  }
  return text;
}

void finish_output() {
  errno = 0;
  note(std::fflush(stdout) == 0 && std::ferror(stdout) == 0);
  if (lost != 0) {
    errno = lost;
    fail(ErrorCode::kUnavailable, "[output] standard output did not take all: ", errno_text());
  }
}

void expect_own_folder(const std::filesystem::path& folder,
                       std::string_view marker,
                       std::string_view what) {
  namespace fs = std::filesystem;
  std::error_code absent;
  const bool foreign = fs::is_directory(folder, absent) && !fs::exists(folder / marker, absent) &&
                       fs::directory_iterator(folder, absent) != fs::directory_iterator{};
  check(!foreign, ErrorCode::kInvalidConfig, "[output] '", folder.string(),
        "' holds files, but not those of ", what, " (no ", marker,
        "), and they might be overwritten; choose another --out");
}

}  // namespace lorae::apps
