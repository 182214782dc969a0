#pragma once

#include <map>
#include <optional>

#include "data/draw.h"
#include "tasks/task.h"

namespace lorae::tasks {

/// A few pictures of a set, with what they show on the left and what a model says of them on the
/// right. It listens while the model is judged (`evaluate`), so it costs no forward pass.
class PredictionSheet {
 public:
  static constexpr std::int64_t kMost = 12;    ///< pictures, spread over the set
  static constexpr double kConfidence = 0.25;  ///< of objects that are drawn

  /// `set` is the one that is judged, and lives longer.
  PredictionSheet(const data::Dataset& set, const Task& task, std::int64_t most = kMost);

  /// `first`: where the pictures that the batch counts from 0 begin in the set.
  void add(const Predictions& predictions, const data::Batch& batch, std::int64_t first = 0);
  /// The newest that was said of each picture, two pictures a row. Undefined if nothing was added.
  /// Shape: uint8 [H, W, 3]. Errors: a picture's.
  at::Tensor drawn() const;

 private:
  static constexpr std::int64_t kSide = 224;  // of a picture, pixels

  const data::Dataset& set_;
  bool masks_;
  /// Boxes in fractions of the picture, masks no larger than kSide; by index, empty at first.
  std::map<std::int64_t, std::optional<std::vector<data::Mark>>> said_;
};

}  // namespace lorae::tasks
