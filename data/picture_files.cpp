#include "data/picture_files.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "base/error.h"
#include "base/text.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 11> kEndings = {
    ".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pnm", ".jp2"};

}  // namespace

std::vector<std::string> entry_names(const fs::path& folder) {
  static const std::set<std::string> kJunk = {"__MACOSX", "lost+found", "Thumbs.db", "desktop.ini"};
  std::vector<std::string> names;
  std::error_code status;
  for (fs::directory_iterator it(folder, status), end; !status && it != end; it.increment(status)) {
    std::string name = it->path().filename().string();
    if (!name.starts_with('.') && !kJunk.contains(name)) {
      names.push_back(std::move(name));
    }
  }
  check(!status, ErrorCode::kInvalidConfig, "[data] cannot read folder '", folder.string(),
        "': ", status.message());
  std::ranges::sort(names);
  return names;
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const std::string& name : entry_names(folder)) {
    paths.push_back(folder / name);
  }
  return paths;
}

std::string why_no_picture(const fs::path& path) {
  std::error_code ignored;
  const fs::file_type type = fs::status(path, ignored).type();
  if (type == fs::file_type::not_found) {
    return "links to nothing";
  }
  if (type == fs::file_type::directory) {
    return "folders inside a class folder";
  }
  if (type != fs::file_type::regular) {
    return "pipes, devices and the like";
  }
  const std::string ending = lower_case(path.extension().string());
  return std::ranges::find(kEndings, ending) != kEndings.end() ? ""
         : ending.empty()                                      ? "files without an ending"
                                                               : ending + " files";
}

bool is_picture(const fs::path& path) {
  return why_no_picture(path).empty();
}

std::vector<fs::path> sub_folders(const fs::path& folder) {
  std::vector<fs::path> paths = entries(folder);
  std::erase_if(paths, [](const fs::path& path) {
    std::error_code ignored;
    return !fs::is_directory(path, ignored);
  });
  return paths;
}

}  // namespace lorae::data
