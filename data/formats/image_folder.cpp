#include "data/formats/image_folder.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "data/picture.h"
#include "data/picture_files.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

/// What lies in class folders and is not read: reasons to paths.
using LeftOut = std::map<std::string, std::vector<fs::path>>;

std::vector<fs::path> pictures(const fs::path& class_folder, LeftOut& left_out) {
  std::vector<fs::path> files;
  for (const std::string& name : entry_names(class_folder)) {
    const fs::path path = class_folder / name;
    const std::string why = why_no_picture(path);
    (why.empty() ? files : left_out[why]).push_back(path);
  }
  return files;
}

bool has_pictures(const fs::path& class_folder) {
  return std::ranges::any_of(entries(class_folder), is_picture);
}

/// Says it once, however often the set is opened.
void tell(const LeftOut& left_out, const fs::path& root) {
  constexpr std::size_t kNamed = 3;
  std::string text;
  for (const auto& [why, paths] : left_out) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < std::min(paths.size(), kNamed); ++i) {
      names.push_back('\'' + paths[i].lexically_relative(root).string() + '\'');
    }
    text += str(text.empty() ? "" : "; ", paths.size(), ' ', why, ": ", join(names),
                paths.size() > kNamed ? " ..." : "");
  }
  static std::mutex mutex;
  static std::set<std::string> told;
  const std::lock_guard lock(mutex);
  if (!text.empty() && told.insert(root.string() + text).second) {
    log_warning("data.left_out", "folder=", root.string(), ' ', text);
  }
}

std::vector<std::string> class_names(const fs::path& folder, Holding holding) {
  std::vector<std::string> names;
  for (const fs::path& path : sub_folders(folder)) {
    if (holding == Holding::kWhole || has_pictures(path)) {
      names.push_back(path.filename().string());
    }
  }
  check(!names.empty(), ErrorCode::kInvalidConfig, "[data] '", folder.string(),
        "' has no class folder", holding == Holding::kPart ? " with images" : "",
        ": expected one sub-folder of images per class");
  check(holding == Holding::kPart || names.size() >= 2, ErrorCode::kInvalidConfig, "[data] '",
        folder.string(), "' has one class folder, '", names.front(),
        "': expected at least 2 classes");
  return names;
}

/// The folder that holds the class folders of one half.
struct ClassFolders {
  fs::path root;
  std::vector<std::string> classes;
};

/// The sub-folder of that name, in any case, if there are class folders in it.
std::optional<fs::path> half_called(const fs::path& folder,
                                    std::initializer_list<std::string_view> names) {
  const std::vector<fs::path> folders = sub_folders(folder);
  for (const std::string_view name : names) {
    for (const fs::path& path : folders) {
      if (lower_case(path.filename().string()) == name && !sub_folders(path).empty()) {
        return path;
      }
    }
  }
  return std::nullopt;
}

ClassFolders find_half(const fs::path& folder, Split split, Holding holding) {
  const auto train = half_called(folder, {"train", "training"});
  const auto test = half_called(folder, {"test", "testing", "val", "valid", "validation"});
  if (!train && !test) {
    std::vector<std::string> classes = class_names(folder, holding);
    check(split == Split::kTrain, ErrorCode::kInvalidConfig, "[data] '", folder.string(),
          "' has no test images: expected sub-folders 'train' and 'test' (or 'val') that hold the "
          "class folders, got class folders only");
    return {folder, std::move(classes)};
  }
  check(train.has_value(), ErrorCode::kInvalidConfig, "[data] '", folder.string(),
        "' has no training images: expected class folders in '", (folder / "train").string(), "'");
  ClassFolders half{*train, class_names(*train, holding)};
  if (split == Split::kTrain) {
    return half;
  }
  check(test.has_value(), ErrorCode::kInvalidConfig, "[data] '", folder.string(),
        "' has no test images: expected class folders in '", (folder / "test").string(),
        "' or in 'val' beside it");
  half.root = *test;
  for (const fs::path& path : sub_folders(half.root)) {
    check(std::ranges::binary_search(half.classes, path.filename().string()),
          ErrorCode::kInvalidConfig, "[data] class folder '", path.string(),
          "' has no counterpart in '", train->filename().string(),
          "', so its images have no label");
  }
  return half;
}

/// Pictures in files, decoded when they are asked for.
class FolderDataset final : public Dataset {
 public:
  FolderDataset(std::vector<fs::path> paths,
                std::vector<std::int64_t> labels,
                std::vector<std::string> classes,
                std::int64_t channels)
      : paths_(std::move(paths)),
        labels_(std::move(labels)),
        classes_(std::move(classes)),
        channels_(channels) {}

  std::int64_t size() const override { return std::ssize(paths_); }
  const std::vector<std::string>& classes() const override { return classes_; }
  std::int64_t label(std::int64_t index) const override {
    return labels_.at(static_cast<std::size_t>(index));
  }
  Sample get(std::int64_t index) const override {
    return {read_picture(paths_.at(static_cast<std::size_t>(index)), channels_), label(index)};
  }
  std::string name(std::int64_t index) const override {
    return paths_.at(static_cast<std::size_t>(index)).string();
  }

 private:
  std::vector<fs::path> paths_;
  std::vector<std::int64_t> labels_;
  std::vector<std::string> classes_;
  std::int64_t channels_;
};

}  // namespace

std::vector<std::string> image_folder_classes(const fs::path& folder, const OpenOptions& options) {
  return find_half(folder, Split::kTrain, options.holding).classes;
}

DatasetPtr open_image_folder(const fs::path& folder,
                             std::int64_t channels,
                             Split split,
                             const OpenOptions& options) {
  check(channels == 1 || channels == 3, ErrorCode::kIncompatible, "[data] '", folder.string(),
        "' holds pictures: expected a model of 1 or 3 channels, got ", channels);
  ClassFolders half = find_half(folder, split, options.holding);
  std::vector<fs::path> paths;
  std::vector<std::int64_t> labels;
  LeftOut left_out;
  for (std::size_t label = 0; label < half.classes.size(); ++label) {
    const fs::path class_folder = half.root / half.classes[label];
    std::error_code ignored;
    if (!fs::is_directory(class_folder, ignored)) {
      continue;  // a class of train that the test half does not show
    }
    std::vector<fs::path> files = pictures(class_folder, left_out);
    check(!files.empty(), ErrorCode::kInvalidConfig, "[data] class folder '", class_folder.string(),
          "' holds no image: expected .jpg, .png, .bmp, .webp or the like");
    labels.insert(labels.end(), files.size(), static_cast<std::int64_t>(label));
    std::ranges::move(files, std::back_inserter(paths));
  }
  tell(left_out, half.root);
  return std::make_shared<FolderDataset>(std::move(paths), std::move(labels),
                                         std::move(half.classes), channels);
}

}  // namespace lorae::data
