#include "models/layers/options.h"

namespace lorae::models {

void check_input(const ModelOptions& options, const ConfigReader& reader) {
  check(options.height % options.pool == 0 && options.width % options.pool == 0,
        ErrorCode::kInvalidConfig, reader.where("model.pool"), ": expected a divisor of ",
        options.height, " and ", options.width, ", got ", options.pool);
  // Detectors take images as they are, without the pool.
  const bool pooled = options.name.starts_with("unet");
  const std::int64_t multiple = side_multiple(options.name) * (pooled ? options.pool : 1);
  check(options.height % multiple == 0 && options.width % multiple == 0, ErrorCode::kInvalidConfig,
        reader.where("model.height"), ": ", options.name, " takes sides in multiples of ", multiple,
        ", got ", options.height, " x ", options.width);
  const auto check_channels = [&](const char* key, const std::vector<double>& values) {
    check(values.size() == 1 || std::ssize(values) == options.channels, ErrorCode::kInvalidConfig,
          reader.where(key), ": expected one number, or one for each of ", options.channels,
          " channels, got ", values.size());
  };
  check_channels("model.mean", options.mean);
  check_channels("model.standard_deviation", options.standard_deviation);
}

}  // namespace lorae::models
