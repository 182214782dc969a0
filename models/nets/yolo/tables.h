#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lorae::models::yolo {

enum class Kind { kConv, kC2f, kC3, kC3k2, kSppf, kC2psa, kUpsample, kConcat, kHead };

/// One line of a model's description, before scaling. Its index is the number in tensor names.
struct Row {
  Kind kind;
  std::int64_t channels = 0;
  std::int64_t repeats = 1;
  bool flag = false;       ///< kC2f, kC3: shortcut; kC3k2: inner blocks are C3k
  double expansion = 0.5;  ///< kC3k2
  std::int64_t kernel = 3, stride = 2, padding = -1;  ///< kConv; padding -1: keeps the resolution
  std::vector<int> from = {};  ///< kConcat: the other row; kHead: its inputs; else the row before
};

enum class Task { kDetection, kSegmentation, kClassification };

/// How a size changes the table: repeats * depth, min(channels, max_channels) * width.
struct Scale {
  std::string_view size;  ///< "n", "s", ...
  double depth = 1;
  double width = 1;
  std::int64_t max_channels = 1024;
};

/// A network: its rows with channels and repeats already scaled, and how its head is made.
struct Table {
  std::vector<Row> rows;
  Task task = Task::kDetection;
  bool depthwise_classes = false;     ///< YOLO11's class branch; else two full 3x3 convolutions
  std::int64_t proto_channels = 256;  ///< scaled; kSegmentation
};

/// "yolov8n", "yolov5su", "yolo11x-seg", "yolov8m-cls" ...: every name that `table` knows.
std::vector<std::string> names();

/// Errors: kInvalidConfig for an unknown name.
Table table(std::string_view name);

}  // namespace lorae::models::yolo
