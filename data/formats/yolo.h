#pragma once

#include <filesystem>

#include "data/formats/half.h"

namespace lorae::data {

/// True for a YAML file, or a folder with one that names classes and a half (data.yaml and the
/// like), or with folders `images` and `labels` and a classes.txt.
bool holds_yolo(const std::filesystem::path& path);

/// The pictures of one half: `train`, or else `val` (`valid`, `test`) of the YAML file, each a
/// folder, a list of folders, or a text file with a picture a line; relative to its `path`, else to
/// the YAML file's folder. The label of a picture is found by the last folder `images` on its path,
/// which becomes `labels`; without one in the set, unless labels are there, it lies beside the
/// picture. No label: the picture shows nothing. Domains: the folders below a half's, or the name
/// before ".rf." of a Roboflow export.
/// Errors: kInvalidConfig for what is not there; BadData for a YAML file that makes no sense, or a
///         path that leads outside of the set's folder.
Half find_yolo(const std::filesystem::path& path, Split split, const OpenOptions& options);

std::vector<std::string> yolo_classes(const std::filesystem::path& path,
                                      const OpenOptions& options = {});

}  // namespace lorae::data
