#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "apps/lorae/trained.h"

namespace lorae::apps {

/// Whether it says where objects are; else it labels pictures or pixels.
bool finds_objects(const Trained& trained);

/// What a detector finds in pictures, or what a network says of their pixels, one after the other:
/// a line each, as text or JSON, and, if asked, the picture with it drawn in. `place`: where that
/// goes.
void predict_scenes(
    const Trained& trained,
    const UseArguments& asked,
    const std::vector<std::filesystem::path>& pictures,
    const std::function<std::filesystem::path(const std::filesystem::path&)>& place);

/// Detections in COCO's format for results: an array of {"image_id", "category_id", "bbox",
/// "score"} and, with masks, "segmentation". An id of a picture is its file's name without the
/// ending, as a number if it is one; categories count from 1 in the order of the classes.
class CocoResults {
 public:
  CocoResults(const data::Dataset& set, bool masks) : set_(set), masks_(masks) {}

  void add(const tasks::Predictions& predictions, const data::Batch& batch);
  /// Errors: kUnavailable if the file cannot be written.
  void save(const std::filesystem::path& file) const;

 private:
  const data::Dataset& set_;
  bool masks_;
  nlohmann::json results_ = nlohmann::json::array();
};

/// Judges a file of COCO's results by what the pictures of `set` show.
/// Errors: kCorruptData for a file that is none, naming the entry and what was expected.
std::unique_ptr<tasks::Meter> judged(const std::filesystem::path& file,
                                     const data::Dataset& set,
                                     tasks::metrics::Protocol protocol);

}  // namespace lorae::apps
