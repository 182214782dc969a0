#include "report/text.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "base/bytes.h"

namespace lorae::report {

std::string fixed_text(double value, int digits) {
  if (!std::isfinite(value)) {
    return "-";
  }
  std::array<char, 400> text{};  // a double has at most 309 digits before the point
  const int size = std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string percent_text(double fraction) {
  return fixed_text(100 * fraction, 1);
}

std::string accuracy_text(const ComparisonSummary& summary, const std::string& sign) {
  const double spread = (summary.accuracy_high - summary.accuracy_low) / 2;
  const std::string mean = percent_text(summary.accuracy);
  return summary.seeds > 1 ? mean + " " + sign + " " + percent_text(spread) : mean;
}

std::string points_text(double difference) {
  const std::string text = percent_text(difference);
  if (text == "-0.0" || text == "0.0") {
    return "0.0";
  }
  return difference > 0 ? "+" + text : text;
}

std::string times_text(double ratio) {
  return fixed_text(ratio, ratio < 99.95 ? 1 : 0);
}

std::string count_text(std::int64_t count) {
  std::string text = std::to_string(count);
  const std::size_t first = count < 0 ? 1 : 0;
  for (std::size_t end = text.size(); end > first + 3; end -= 3) {
    text.insert(end - 3, ",");
  }
  return text;
}

std::string bytes_text(double bytes) {
  return std::isfinite(bytes) ? human_bytes(bytes) : "-";
}

std::string tick_percent_text(double fraction) {
  std::string text = percent_text(fraction);
  if (text.ends_with(".0")) {
    text.resize(text.size() - 2);
  }
  return text + " %";
}

std::string tick_bytes_text(double bytes) {
  std::string text = bytes_text(bytes);  // a tick has at most two digits that are not zero
  const std::size_t space = text.find(' ');
  const std::size_t point = text.find('.');
  if (point < space) {
    std::size_t end = space;
    while (text[end - 1] == '0') {
      --end;
    }
    end = text[end - 1] == '.' ? end - 1 : end;
    text.erase(end, space - end);
  }
  return text;
}

}  // namespace lorae::report
