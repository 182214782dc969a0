#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace lorae::data {

/// The names of the visible entries of a folder, sorted so that labels and indices never depend on
/// the file system; without what systems leave behind (__MACOSX, lost+found, Thumbs.db).
/// Errors: kInvalidConfig, saying why, if it cannot be read.
std::vector<std::string> entry_names(const std::filesystem::path& folder);
/// The same as paths, of which each takes half a kilobyte: for folders of a few.
std::vector<std::filesystem::path> entries(const std::filesystem::path& folder);

/// True for a regular file whose name ends as that of a picture: .jpg, .png, .webp and the like, in
/// any case.
bool is_picture(const std::filesystem::path& path);
/// Why it is none, as a plural: ".heic files", "links to nothing"; empty if it is one.
std::string why_no_picture(const std::filesystem::path& path);

/// The visible sub-folders of `folder`, sorted by name. Errors: kInvalidConfig if it cannot be
/// read.
std::vector<std::filesystem::path> sub_folders(const std::filesystem::path& folder);

}  // namespace lorae::data
