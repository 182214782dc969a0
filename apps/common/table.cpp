#include "apps/common/table.h"

#include <unistd.h>

#include <algorithm>
#include <limits>

#include "apps/common/output.h"
#include "base/terminal.h"
#include "base/text.h"

namespace lorae::apps {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kShortest = 12;  // of a name whose middle is left out

/// Characters of UTF-8 text: bytes that do not continue one.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

/// "backbone.body..conv2.weight": both ends tell names apart.
std::string shortened(const std::string& name, std::size_t most) {
  if (width_of(name) <= most) {
    return name;
  }
  const std::size_t front = (most - 2) / 2, back = most - 2 - front;
  const std::string_view start = cut(name, front);
  const std::string_view before_end = cut(name, width_of(name) - back);
  return std::string(start) + ".." + name.substr(before_end.size());
}

}  // namespace

Table::Table(std::string sides, std::vector<std::string> head)
    : sides_(std::move(sides)), head_(std::move(head)) {}

std::string Table::text(std::size_t columns) const {
  std::vector<std::vector<std::string>> lines;
  if (!head_.empty()) {
    lines.push_back(head_);
  }
  for (const auto& row : rows_) {
    std::vector<std::string>& shown = lines.emplace_back();
    std::ranges::transform(row, std::back_inserter(shown),
                           [](const std::string& cell) { return printable(cell); });
  }
  std::vector<std::size_t> widths(sides_.size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      widths.at(i) = std::max(widths.at(i), width_of(line[i]));
    }
  }
  std::size_t others = 0;
  for (std::size_t i = 1; i < widths.size(); ++i) {
    others += kGap + widths[i];
  }
  widths[0] = std::min(widths[0], std::max(kShortest, columns > others ? columns - others : 0));
  std::string all;
  for (auto& line : lines) {
    line[0] = shortened(line[0], widths[0]);
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string blanks(widths[i] - width_of(line[i]), ' ');
      text += std::string(i == 0 ? 0 : kGap, ' ');
      text += sides_[i] == 'r' ? blanks + line[i] : line[i] + blanks;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    all += text + '\n';
  }
  return all;
}

void Table::print() const {
  put(text(output_columns()));
}

std::size_t output_columns() {
  return ::isatty(STDOUT_FILENO) != 0 ? terminal_of(STDOUT_FILENO).columns
                                      : std::numeric_limits<std::size_t>::max();
}

}  // namespace lorae::apps
