#include "models/nets/yolo/tables.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace lorae::models::yolo {
namespace {

Row conv(std::int64_t channels, std::int64_t kernel, std::int64_t stride, std::int64_t pad = -1) {
  return {.kind = Kind::kConv,
          .channels = channels,
          .kernel = kernel,
          .stride = stride,
          .padding = pad};
}
Row c2f(std::int64_t channels, std::int64_t repeats, bool shortcut) {
  return {.kind = Kind::kC2f, .channels = channels, .repeats = repeats, .flag = shortcut};
}
Row c3(std::int64_t channels, std::int64_t repeats, bool shortcut) {
  return {.kind = Kind::kC3, .channels = channels, .repeats = repeats, .flag = shortcut};
}
Row c3k2(std::int64_t channels, bool c3k, double expansion = 0.5) {
  return {
      .kind = Kind::kC3k2, .channels = channels, .repeats = 2, .flag = c3k, .expansion = expansion};
}
Row sppf(std::int64_t channels) {
  return {.kind = Kind::kSppf, .channels = channels};
}
Row c2psa(std::int64_t channels) {
  return {.kind = Kind::kC2psa, .channels = channels, .repeats = 2};
}
Row up() {
  return {.kind = Kind::kUpsample};
}
Row cat(int other) {
  return {.kind = Kind::kConcat, .from = {other}};
}
Row head(int p3, int p4, int p5) {
  return {.kind = Kind::kHead, .from = {p3, p4, p5}};
}

std::vector<Row> rows_v8() {
  return {conv(64, 3, 2),       // 0
          conv(128, 3, 2),      // 1
          c2f(128, 3, true),    // 2
          conv(256, 3, 2),      // 3
          c2f(256, 6, true),    // 4
          conv(512, 3, 2),      // 5
          c2f(512, 6, true),    // 6
          conv(1024, 3, 2),     // 7
          c2f(1024, 3, true),   // 8
          sppf(1024),           // 9
          up(),                 // 10
          cat(6),               // 11
          c2f(512, 3, false),   // 12
          up(),                 // 13
          cat(4),               // 14
          c2f(256, 3, false),   // 15: P3
          conv(256, 3, 2),      // 16
          cat(12),              // 17
          c2f(512, 3, false),   // 18: P4
          conv(512, 3, 2),      // 19
          cat(9),               // 20
          c2f(1024, 3, false),  // 21: P5
          head(15, 18, 21)};
}

std::vector<Row> rows_v5() {
  return {conv(64, 6, 2, 2),   // 0
          conv(128, 3, 2),     // 1
          c3(128, 3, true),    // 2
          conv(256, 3, 2),     // 3
          c3(256, 6, true),    // 4
          conv(512, 3, 2),     // 5
          c3(512, 9, true),    // 6
          conv(1024, 3, 2),    // 7
          c3(1024, 3, true),   // 8
          sppf(1024),          // 9
          conv(512, 1, 1),     // 10
          up(),                // 11
          cat(6),              // 12
          c3(512, 3, false),   // 13
          conv(256, 1, 1),     // 14
          up(),                // 15
          cat(4),              // 16
          c3(256, 3, false),   // 17: P3
          conv(256, 3, 2),     // 18
          cat(14),             // 19
          c3(512, 3, false),   // 20: P4
          conv(512, 3, 2),     // 21
          cat(10),             // 22
          c3(1024, 3, false),  // 23: P5
          head(17, 20, 23)};
}

std::vector<Row> rows_11() {
  return {conv(64, 3, 2),          // 0
          conv(128, 3, 2),         // 1
          c3k2(256, false, 0.25),  // 2
          conv(256, 3, 2),         // 3
          c3k2(512, false, 0.25),  // 4
          conv(512, 3, 2),         // 5
          c3k2(512, true),         // 6
          conv(1024, 3, 2),        // 7
          c3k2(1024, true),        // 8
          sppf(1024),              // 9
          c2psa(1024),             // 10
          up(),                    // 11
          cat(6),                  // 12
          c3k2(512, false),        // 13
          up(),                    // 14
          cat(4),                  // 15
          c3k2(256, false),        // 16: P3
          conv(256, 3, 2),         // 17
          cat(13),                 // 18
          c3k2(512, false),        // 19: P4
          conv(512, 3, 2),         // 20
          cat(10),                 // 21
          c3k2(1024, true),        // 22: P5
          head(16, 19, 22)};
}

/// The first `count` rows, then `last`: the classifiers keep a detector's backbone.
std::vector<Row> classifier(std::vector<Row> rows, std::size_t count, std::vector<Row> last) {
  rows.resize(count, up());
  rows.insert(rows.end(), last.begin(), last.end());
  return rows;
}

struct Family {
  std::string_view prefix, suffix;
  std::vector<Scale> scales;
  std::vector<Row> rows;
  Task task;
  bool is_11 = false;
};

std::vector<Family> make_families() {
  const std::vector<Scale> v8 = {{"n", .33, .25, 1024},
                                 {"s", .33, .5, 1024},
                                 {"m", .67, .75, 768},
                                 {"l", 1, 1, 512},
                                 {"x", 1, 1.25, 512}};
  std::vector<Scale> v8_cls = v8;
  for (Scale& scale : v8_cls) {
    scale.max_channels = 1024;
  }
  const std::vector<Scale> v5 = {
      {"n", .33, .25}, {"s", .33, .5}, {"m", .67, .75}, {"l", 1, 1}, {"x", 1.33, 1.25}};
  const std::vector<Scale> v11 = {{"n", .5, .25, 1024},
                                  {"s", .5, .5, 1024},
                                  {"m", .5, 1, 512},
                                  {"l", 1, 1, 512},
                                  {"x", 1, 1.5, 512}};
  const Row classify{.kind = Kind::kHead};
  return {{"yolov8", "", v8, rows_v8(), Task::kDetection},
          {"yolov8", "-seg", v8, rows_v8(), Task::kSegmentation},
          {"yolov8", "-cls", v8_cls, classifier(rows_v8(), 9, {classify}), Task::kClassification},
          {"yolov5", "u", v5, rows_v5(), Task::kDetection},
          {"yolo11", "", v11, rows_11(), Task::kDetection, true},
          {"yolo11", "-seg", v11, rows_11(), Task::kSegmentation, true},
          {"yolo11", "-cls", v11, classifier(rows_11(), 9, {c2psa(1024), classify}),
           Task::kClassification, true}};
}

const std::vector<Family>& families() {
  static const std::vector<Family> all = make_families();
  return all;
}

std::string name_of(const Family& family, const Scale& scale) {
  return std::string(family.prefix) + std::string(scale.size) + std::string(family.suffix);
}

/// Formula: ceil(min(channels, max_channels) * width / 8) * 8.
std::int64_t scaled_channels(std::int64_t channels, const Scale& scale) {
  const auto capped = static_cast<double>(std::min(channels, scale.max_channels));
  return 8 * static_cast<std::int64_t>(std::ceil(capped * scale.width / 8));
}

std::int64_t scaled_repeats(std::int64_t repeats, const Scale& scale) {
  return repeats == 1
             ? 1
             : std::max<std::int64_t>(1, std::llround(static_cast<double>(repeats) * scale.depth));
}

Table scaled(const Family& family, const Scale& scale) {
  Table table{.rows = family.rows, .task = family.task, .depthwise_classes = family.is_11};
  table.proto_channels = scaled_channels(table.proto_channels, scale);
  const bool large = scale.size == "m" || scale.size == "l" || scale.size == "x";
  for (Row& row : table.rows) {
    row.channels = scaled_channels(row.channels, scale);
    row.repeats = scaled_repeats(row.repeats, scale);
    row.flag = row.flag || (row.kind == Kind::kC3k2 && large);
  }
  return table;
}

}  // namespace

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const Family& family : families()) {
    for (const Scale& scale : family.scales) {
      all.push_back(name_of(family, scale));
    }
  }
  return all;
}

Table table(std::string_view name) {
  for (const Family& family : families()) {
    for (const Scale& scale : family.scales) {
      if (name_of(family, scale) == name) {
        return scaled(family, scale);
      }
    }
  }
  fail(ErrorCode::kInvalidConfig, "[models] unknown YOLO '", name, "'");
}

}  // namespace lorae::models::yolo
