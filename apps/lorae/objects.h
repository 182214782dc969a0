#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/lorae/predict.h"
#include "apps/lorae/trained.h"
#include "data/formats/coco.h"

namespace lorae::apps {

/// Whether it says where objects are; else it labels pictures or pixels.
bool finds_objects(const Trained& trained);

/// What a detector finds in a picture, or what a network says of its pixels; drawn in if `asked`
/// saves pictures.
Said said_of_scene(const Trained& trained,
                   const std::filesystem::path& path,
                   const at::Tensor& picture,
                   const UseArguments& asked);

/// What COCO's results call the pictures and classes of a set: of one in COCO's format, the ids of
/// its JSON file; of others, a picture's file name without the ending, as a number if it is one,
/// and the classes' places, from 1.
class ResultIds {
 public:
  /// `folder`: where the set lies. Threads: any.
  ResultIds(const std::filesystem::path& folder, const data::Dataset& set);

  nlohmann::json picture(std::int64_t index) const;
  /// nullopt for a class that the JSON file does not have.
  std::optional<std::int64_t> category(std::int64_t label) const;
  std::optional<std::int64_t> label(std::int64_t category) const;

 private:
  const data::Dataset& set_;
  std::optional<data::CocoIds> own_;
};

/// Detections in COCO's format for results: an array of {"image_id", "category_id", "bbox",
/// "score"} and, with masks, "segmentation".
class CocoResults {
 public:
  CocoResults(ResultIds ids, bool masks) : ids_(std::move(ids)), masks_(masks) {}

  void add(const tasks::Predictions& predictions, const data::Batch& batch);
  /// Errors: kUnavailable if the file cannot be written.
  void save(const std::filesystem::path& file) const;

 private:
  ResultIds ids_;
  bool masks_;
  nlohmann::json results_ = nlohmann::json::array();
};

/// Judges a file of COCO's results by what the pictures of `set`, which lies in `folder`, show.
/// Errors: kCorruptData for a file that is none, naming the entry and what was expected.
std::unique_ptr<tasks::Meter> judged(const std::filesystem::path& file,
                                     const std::filesystem::path& folder,
                                     const data::Dataset& set,
                                     tasks::metrics::Protocol protocol);

}  // namespace lorae::apps
