#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/formats/problem.h"

namespace lorae::data {

/// What a YOLO data.yaml says.
struct YoloYaml {
  std::string path;                                        ///< empty: the file's folder
  std::map<std::string, std::vector<std::string>> halves;  ///< of "train", "val" and "test"
  std::vector<std::string> names;
};

/// Errors (returned): BadData, kYamlBroken for text that is no YAML, is nested in itself, or has no
/// half; kYamlNames for names that are missing, empty, twice, no text, or not as many as `nc`.
Result<YoloYaml, BadData> parse_yolo_yaml(const std::string& text,
                                          const std::filesystem::path& file);

}  // namespace lorae::data
