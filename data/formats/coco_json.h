#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/formats/problem.h"

namespace lorae::data {

/// What a COCO JSON file says, in the order of the file, before anything is matched.
struct CocoFile {
  struct Picture {
    std::int64_t id = 0;
    std::string file;
    double width = 0, height = 0;  ///< NaN if not said
    std::int64_t line = 0;
  };
  struct Thing {
    std::int64_t id = 0;
    std::optional<std::int64_t> picture, category;
    std::vector<double> box;                   ///< x, y, width, height in pixels; empty if not said
    std::vector<std::vector<float>> polygons;  ///< x1 y1 x2 y2 ...
    std::vector<std::int64_t> counts;          ///< of runs, not compressed
    std::string text;                          ///< compressed
    std::vector<double> size;                  ///< height, width of what is in runs
    bool crowd = false;
    std::int64_t line = 0;
  };
  struct Category {
    std::int64_t id = 0;
    std::string name;
    std::int64_t line = 0;
  };

  std::vector<Picture> pictures;
  std::vector<Thing> things;
  std::vector<Category> categories;  ///< by their ids
};

/// Which parts are kept.
enum class CocoParts { kAll, kCategories };

/// Reads it as a stream: text of a gigabyte takes the memory of what is kept of it.
/// Errors (returned): BadData: kJsonBroken for text that is no JSON; kJsonField for a list that is
/// not there and for an entry that lacks what it needs; kIdTwice for an id of two pictures or two
/// categories.
Result<CocoFile, BadData> parse_coco(std::string_view text,
                                     const std::filesystem::path& file,
                                     CocoParts parts = CocoParts::kAll);

}  // namespace lorae::data
