#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "data/formats/half.h"

namespace lorae::data {

/// True for a folder with annotations/*train*.json or *val*.json, or with _annotations.coco.json in
/// folders train, valid and test, as Roboflow exports it.
bool holds_coco(const std::filesystem::path& path);

/// The pictures of one half and what the JSON file says of them. Labels go by the order of the
/// categories' ids, names are those of the training half. Pictures lie in a folder of the half's
/// name ("train2017", "images/train2017"), in `images`, or beside the JSON file. Crowds are
/// ignored; runs (RLE), compressed or not, become outlines. Errors: kInvalidConfig if the half is
/// not there; BadData for JSON that makes no sense.
Half find_coco(const std::filesystem::path& path, Split split, const OpenOptions& options);

std::vector<std::string> coco_classes(const std::filesystem::path& path,
                                      const OpenOptions& options);

/// What a half's JSON file calls its pictures and classes: results that are judged by that file
/// name them so.
struct CocoIds {
  std::unordered_map<std::string, std::int64_t> pictures;    ///< by absolute path
  std::unordered_map<std::string, std::int64_t> categories;  ///< by name
};

/// nullopt if the half has no such file. Errors: as find_coco.
std::optional<CocoIds> coco_ids(const std::filesystem::path& path, Split split);

}  // namespace lorae::data
