#include "base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/log.h"
#include "base/str.h"
#include "base/text.h"

namespace lorae {
namespace {

constexpr std::int64_t kBarWidth = 24;
constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kPlainLine = std::chrono::seconds(10);

std::string rounded(double value) {
  return fmt::format("{:.{}f}", value, value < 10 ? 1 : 0);
}

}  // namespace

std::string human_seconds(double seconds) {
  if (seconds < 60) {
    return rounded(seconds) + " s";
  }
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  return whole < 3600 ? str(whole / 60, " min ", whole % 60, " s")
                      : str(whole / 3600, " h ", whole % 3600 / 60, " min");
}

Progress::Progress(std::string label, std::int64_t total, std::string unit)
    : label_(std::move(label)),
      total_(std::max<std::int64_t>(total, 1)),
      unit_(std::move(unit)),
      terminal_(terminal_of(STDERR_FILENO)),
      start_(Clock::now()),
      shown_(start_) {
  terminal_.redraws = terminal_.redraws && log_format() == LogFormat::kText;
}

Progress::~Progress() {
  if (open_) {
    std::fputc('\n', stderr);
  }
}

void Progress::add(std::int64_t done, const std::string& note) {
  done_ = std::min(done_ + done, total_);
  if (Clock::now() - shown_ >= (terminal_.redraws ? Duration(kRedraw) : Duration(kPlainLine))) {
    show(note, false);
  }
}

void Progress::finish(const std::string& note) {
  done_ = total_;
  show(note, true);
}

std::string Progress::text(double elapsed, const std::string& note) const {
  const double rate = elapsed > 0 ? static_cast<double>(done_) / elapsed : 0;
  std::string line = str(label_, ' ', done_, '/', total_, ' ', unit_);
  if (rate > 0) {
    line += str(", ", rounded(rate), "/s, ",
                done_ < total_ ? human_seconds(static_cast<double>(total_ - done_) / rate) + " left"
                               : human_seconds(elapsed));
  }
  return note.empty() ? line : line + ", " + note;
}

void Progress::show(const std::string& note, bool last) {
  shown_ = Clock::now();
  const std::string line = text(seconds(shown_ - start_), note);
  if (terminal_.redraws) {
    draw(line);
    std::fputs(last ? "\n" : "", stderr);
    open_ = !last;
  } else if (const std::string state = str(done_, ' ', note); state != last_shown_) {
    last_shown_ = state;  // so the end is not told twice
    if (log_format() == LogFormat::kText) {
      fmt::print(stderr, "{}\n", line);
    } else {
      log_info("job.progress", "job=", label_, " done=", done_, " total=", total_, " unit=", unit_,
               ' ', note);
    }
  }
  std::fflush(stderr);
}

/// Without escape codes: what is left of a longer line is written over by blanks.
void Progress::draw(const std::string& line) {
  const std::size_t room = terminal_.columns - 1;  // in the last column many terminals wrap
  const auto filled = static_cast<std::size_t>(kBarWidth * done_ / total_);
  const std::string bar = line.size() + kBarWidth + 3 > room
                              ? ""
                              : fmt::format("[{:.<{}}] ", std::string(filled, '#'), kBarWidth);
  const std::string whole = bar + printable(line);
  const std::string shown(cut(whole, room));
  const std::size_t columns = std::min(room, whole.size());
  fmt::print(stderr, "\r{}{}", shown, std::string(drawn_ > columns ? drawn_ - columns : 0, ' '));
  drawn_ = columns;
}

}  // namespace lorae
