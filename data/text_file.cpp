#include "data/text_file.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <system_error>

#include "base/text.h"

namespace lorae::data {

Result<std::string> read_text(const std::filesystem::path& path) {
  std::error_code status;
  if (!std::filesystem::is_regular_file(path, status)) {
    return Error(ErrorCode::kUnavailable, status ? status.message() : "it is no file");
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(std::filesystem::file_size(path, status), '\0');
  file.read(text.data(), std::ssize(text));
  if (!file || status) {
    return Error(ErrorCode::kUnavailable, errno_text());
  }
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    return Error(ErrorCode::kCorruptData, "expected text in UTF-8, got UTF-16");
  }
  if (text.find('\0') != std::string::npos) {
    return Error(ErrorCode::kCorruptData, "expected text in UTF-8, got zero bytes");
  }
  if (!is_utf8(text)) {
    return Error(ErrorCode::kCorruptData, "expected text in UTF-8, got other bytes");
  }
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r\v\f";
  std::vector<std::string_view> words;
  for (std::size_t at = line.find_first_not_of(kBlank); at != std::string_view::npos;
       at = line.find_first_not_of(kBlank, at)) {
    const std::size_t end = std::min(line.find_first_of(kBlank, at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(kBlank);
  return begin == std::string_view::npos
             ? std::string_view{}
             : text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::optional<double> number_of(std::string_view text) {
  text = text.starts_with('+') ? text.substr(1) : text;
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || stopped != end || error == std::errc::invalid_argument) {
    return std::nullopt;
  }
  return value;  // a number too small for float64 is 0
}

std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  const std::string_view part = cut(text, kLongest);
  return str('\'', part, part.size() < text.size() ? "...'" : "'");
}

std::optional<std::vector<std::string>> csv_cells(std::string_view line) {
  std::vector<std::string> cells{""};
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"') {
      if (quoted && i + 1 < line.size() && line[i + 1] == '"') {
        cells.back() += c;
        ++i;
      } else {
        quoted = !quoted;
      }
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return quoted ? std::nullopt : std::optional(std::move(cells));
}

std::vector<std::string> names_in(std::string_view text) {
  std::vector<std::string> names;
  for (const std::string_view line : lines_of(text)) {
    if (const std::string_view name = trimmed(line); !name.empty()) {
      names.emplace_back(name);
    }
  }
  return names;
}

}  // namespace lorae::data
