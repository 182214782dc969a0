#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/lorae/predict.h"
#include "apps/lorae/trained.h"

namespace lorae::apps {

/// Whether it says where objects are; else it labels pictures or pixels.
bool finds_objects(const Trained& trained);

/// What a detector finds in a picture, or what a network says of its pixels; drawn in if `asked`
/// saves pictures.
Said said_of_scene(const Trained& trained,
                   const std::filesystem::path& path,
                   const at::Tensor& picture,
                   const UseArguments& asked);

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
