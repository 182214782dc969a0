#include "report/text.h"

#include <fmt/format.h>

#include <cmath>

#include "base/bytes.h"

namespace lorae::report {

std::string fixed_text(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "-";
}

std::string percent_text(double fraction) {
  return fixed_text(100 * fraction, 1);
}

std::string with_percent(const std::string& text) {
  return text == "-" ? text : text + " %";
}

std::string metric_text(const ComparisonSummary& summary, const std::string& sign) {
  const std::string mean = percent_text(summary.metric);
  if (summary.seeds < 2 || !std::isfinite(summary.metric)) {
    return mean;
  }
  const double spread = (summary.metric_high - summary.metric_low) / 2;
  return fmt::format("{} {} {}", mean, sign, percent_text(spread));
}

std::string points_text(double difference) {
  const std::string text = percent_text(difference);
  if (text == "-0.0" || text == "0.0") {
    return "0.0";
  }
  return difference > 0 ? "+" + text : text;
}

std::string difference_text(const Ratio& ratio, const std::string& sign) {
  const std::string mean = points_text(ratio.metric_difference);
  return std::isfinite(ratio.metric_difference_se)
             ? fmt::format("{} {} {}", mean, sign, percent_text(ratio.metric_difference_se))
             : mean;
}

std::string metric_heading(const std::vector<std::string>& main_metrics) {
  switch (main_metrics.size()) {
    case 0:
      return "metric";
    case 1:
      return main_metrics.front();
    default:
      return "main metric";
  }
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

std::string compared_text(const ComparisonSummary& summary,
                          double bytes,
                          double ratio,
                          const std::string& times) {
  return summary.is_baseline || !std::isfinite(ratio)
             ? bytes_text(bytes)
             : fmt::format("{} ({}{})", bytes_text(bytes), times_text(ratio), times);
}

std::string tick_percent_text(double fraction) {
  std::string text = percent_text(fraction);
  if (text.ends_with(".0")) {
    text.resize(text.size() - 2);
  }
  return text + " %";
}

}  // namespace lorae::report
