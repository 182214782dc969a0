#include "data/formats/yolo.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/home.h"
#include "base/text.h"
#include "data/formats/yolo_rows.h"
#include "data/formats/yolo_yaml.h"
#include "data/picture_files.h"
#include "data/picture_head.h"
#include "data/text_file.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNames = "classes.txt";

bool is_yaml(const fs::path& path) {
  const std::string ending = lower_case(path.extension().string());
  std::error_code ignored;
  return (ending == ".yaml" || ending == ".yml") && fs::is_regular_file(path, ignored);
}

/// Looks like a set's: other tools put YAML files beside pictures, too.
bool names_a_set(const fs::path& file) {
  const auto text = read_text(file);
  return text.ok() && text->find("names") != std::string::npos &&
         (text->find("train") != std::string::npos || text->find("val") != std::string::npos);
}

std::vector<fs::path> yaml_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::path& path : entries(folder)) {
    if (is_yaml(path) && names_a_set(path)) {
      files.push_back(path);
    }
  }
  return files;
}

bool has_bare_folders(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_directory(folder / "images", ignored) &&
         fs::is_directory(folder / "labels", ignored) && fs::exists(folder / kNames, ignored);
}

/// The set's YAML file; empty where `path` has bare folders.
fs::path yaml_of(const fs::path& path) {
  if (is_yaml(path)) {
    return path;
  }
  const std::vector<fs::path> files = yaml_files(path);
  for (const std::string_view name : {"data.yaml", "data.yml", "dataset.yaml"}) {
    for (const fs::path& file : files) {
      if (file.filename() == name) {
        return file;
      }
    }
  }
  check(files.size() <= 1, ErrorCode::kInvalidConfig, "[data] '", path.string(), "' holds ",
        files.size(), " sets; name one of them, such as '",
        files.empty() ? "" : files.front().string(), "'");
  return files.empty() ? fs::path{} : files.front();
}

YoloYaml bare_folders(const fs::path& folder) {
  YoloYaml yaml;
  const auto text = read_text(folder / kNames);
  check(text.ok(), ErrorCode::kInvalidConfig, "[data] '", (folder / kNames).string(),
        "': ", text.ok() ? "" : text.error().what());
  yaml.names = names_in(*text);
  std::error_code ignored;
  for (const auto& [half, name] :
       {std::pair("train", "train"), {"val", "val"}, {"val", "valid"}, {"test", "test"}}) {
    if (fs::is_directory(folder / "images" / name, ignored)) {
      yaml.halves[half].push_back(std::string("images/") + name);
    }
  }
  if (yaml.halves.empty()) {
    yaml.halves["train"] = {"images"};
  }
  return yaml;
}

YoloYaml read_yaml(const fs::path& file) {
  const auto text = read_text(file);
  if (!text.ok()) {
    refuse({Flaw::kYamlBroken, file, 0, text.error().what()});
  }
  auto yaml = parse_yolo_yaml(*text, file);
  if (!yaml.ok()) {
    throw yaml.error();
  }
  return *std::move(yaml);
}

bool lies_in(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_normal().lexically_relative(folder.lexically_normal());
  return !relative.empty() && *relative.begin() != "..";
}

/// Finds the items of one half.
class Finder {
 public:
  Finder(fs::path file, fs::path root, Half& half)
      : file_(std::move(file)), root_(std::move(root)), half_(half) {}

  void find(const std::vector<std::string>& paths) {
    for (const std::string& text : paths) {
      const fs::path path = resolved(text);
      std::error_code ignored;
      half_.sources.push_back(path);
      if (fs::is_directory(path, ignored)) {
        folder(path, paths.size() > 1 ? path.filename().string() : "");
      } else if (lower_case(path.extension().string()) == ".txt" && fs::exists(path, ignored)) {
        list(path);
      } else {
        fail(ErrorCode::kInvalidConfig, "[data] '", file_.string(), "': '", path.string(),
             "' does not exist: expected a folder of pictures, or a .txt file that lists them");
      }
    }
    half_.items.sort();
    labels_alone();
  }

 private:
  /// Roboflow's exports say "../train/images" and mean "train/images".
  fs::path resolved(const std::string& text) const {
    const fs::path given(expand_user(text));
    fs::path path = given.is_absolute() ? given : root_ / given;
    std::error_code ignored;
    if (!given.is_absolute() && !fs::exists(path, ignored) && text.starts_with("../") &&
        fs::exists(root_ / text.substr(3), ignored)) {
      path = root_ / text.substr(3);
    }
    if (!lies_in(path, root_)) {
      refuse({Flaw::kPathOutside, file_, 0,
              str('\'', text, "' leads outside of the set's folder, '", root_.string(),
                  "'; name a folder above both with the key path")});
    }
    return path.lexically_normal();
  }

  void folder(const fs::path& path, const std::string& domain) {
    std::error_code status;
    if (!seen_.insert(fs::canonical(path, status)).second) {
      return;  // a link leads here again
    }
    const std::vector<std::string> names = entry_names(path);
    std::size_t bytes = 0;
    for (const std::string& name : names) {
      bytes += 2 * (name.size() + 2);  // and a label's, whose ending may be longer by one
    }
    half_.items.expect(names.size(), bytes);
    for (const std::string& name : names) {
      const fs::path entry = path / name;
      std::error_code ignored;
      if (fs::is_directory(entry, ignored)) {
        half_.sources.push_back(entry);
        folder(entry, domain.empty() ? entry.filename().string() : domain);
        continue;
      }
      const std::string why = why_no_picture(entry);
      if (why.empty()) {
        add(entry, domain);
      } else if (lower_case(entry.extension().string()) != ".txt" && !is_yaml(entry)) {
        half_.problems.push_back({Flaw::kPictureOfNoKnownEnding, entry, 0, "left out: " + why});
      }
    }
  }

  void list(const fs::path& path) {
    const auto text = read_text(path);
    if (!text.ok()) {
      refuse({Flaw::kListLine, path, 0, text.error().what()});
    }
    listed_ = true;
    std::int64_t line = 0;
    for (const std::string_view row : lines_of(*text)) {
      ++line;
      const std::string name(trimmed(row));
      if (name.empty()) {
        continue;
      }
      fs::path picture = name.starts_with("./") ? path.parent_path() / name : root_ / name;
      std::error_code ignored;
      if (!fs::exists(picture, ignored) && fs::exists(path.parent_path() / name, ignored)) {
        picture = path.parent_path() / name;
      }
      picture = picture.lexically_normal();
      if (!lies_in(picture, root_)) {
        half_.problems.push_back(
            {Flaw::kListLine, path, line, str(shown(name), " leads outside of the set's folder")});
      } else if (!fs::exists(picture, ignored)) {
        half_.problems.push_back(
            {Flaw::kPictureMissing, path, line, str("picture ", shown(name), " does not exist")});
      } else {
        add(picture, {});
      }
    }
  }

  void add(const fs::path& picture, const std::string& domain) {
    const std::string name = picture.filename().string();
    const std::size_t mark = name.find(".rf.");
    half_.items.add({.picture = picture,
                     .label = label_of(picture),
                     .domain = mark == std::string::npos ? domain : name.substr(0, mark)});
  }

  /// In "labels" for "images" on its path within the set; else beside it. What lies above the set
  /// counts only if labels are there.
  fs::path label_of(const fs::path& picture) const {
    constexpr std::string_view kImages = "/images/";
    std::string path = picture.string();
    const std::size_t at = path.rfind(kImages);
    fs::path beside = fs::path(picture).replace_extension(".txt");
    if (at == std::string::npos) {
      return beside;
    }
    path.replace(at, kImages.size(), "/labels/");
    fs::path apart = fs::path(path).replace_extension(".txt");
    std::error_code ignored;
    const bool within = at + 1 >= (root_ / "").lexically_normal().string().size();
    return within || fs::exists(apart, ignored) ? apart : beside;
  }

  /// Labels in the folders of our labels that no picture has.
  void labels_alone() {
    for (const auto& [begin, ours] : half_.items.labels_by_folder()) {
      const fs::path folder = begin;
      std::error_code ignored;
      half_.sources.push_back(folder);
      if (listed_ || !fs::is_directory(folder, ignored)) {
        continue;  // a list names some pictures of a folder
      }
      for (const std::string& name : entry_names(folder)) {
        const fs::path path = folder / name;
        if (path.extension() == ".txt" && name != kNames &&
            !std::ranges::binary_search(ours, name)) {
          half_.problems.push_back(
              {Flaw::kLabelWithoutPicture, path, 0, "no picture has this label"});
        }
      }
    }
  }

  fs::path file_, root_;
  Half& half_;
  std::set<fs::path> seen_;
  bool listed_ = false;
};

void read_label(const Item& item, std::int64_t classes, Labelled& to) {
  std::error_code status;
  if (!fs::exists(item.label, status)) {
    return to.complain(Flaw::kPictureUnlabelled, item.picture, 0,
                       "no label: '" + item.label + "' does not exist");
  }
  const auto text = read_text(item.label);
  if (!text.ok()) {
    const bool encoding = text.error().code() == ErrorCode::kCorruptData;
    return to.complain(encoding ? Flaw::kLabelEncoding : Flaw::kLabelUnreadable, item.label, 0,
                       text.error().what());
  }
  read_yolo_rows(*text, item.label, classes, to);
}

/// What the set says, and the folder that its paths begin in.
std::pair<YoloYaml, fs::path> described(const fs::path& path, const fs::path& file) {
  if (file.empty()) {
    return {bare_folders(path), fs::absolute(path)};
  }
  YoloYaml yaml = read_yaml(file);
  const fs::path folder = fs::absolute(file).parent_path();
  const fs::path said = folder / yaml.path;
  std::error_code ignored;
  // Files that were moved keep the path of where they were made.
  return {yaml, !yaml.path.empty() && fs::is_directory(said, ignored) ? said : folder};
}

}  // namespace

bool holds_yolo(const fs::path& path) {
  std::error_code ignored;
  return is_yaml(path) ||
         (fs::is_directory(path, ignored) && (!yaml_files(path).empty() || has_bare_folders(path)));
}

std::vector<std::string> yolo_classes(const fs::path& path, const OpenOptions& /*options*/) {
  const fs::path file = yaml_of(path);
  return (file.empty() ? bare_folders(path) : read_yaml(file)).names;
}

Half find_yolo(const fs::path& path, Split split, const OpenOptions& /*options*/) {
  const fs::path file = yaml_of(path);
  const auto [yaml, root] = described(path, file);
  Half half;
  half.classes = yaml.names;
  half.sources = {file.empty() ? root / kNames : file};
  const auto train = yaml.halves.find("train");
  auto chosen = split == Split::kTrain ? train : yaml.halves.find("val");
  if (split == Split::kTest && chosen == yaml.halves.end()) {
    chosen = yaml.halves.find("test");
  }
  check(chosen != yaml.halves.end(), ErrorCode::kInvalidConfig, "[data] '",
        (file.empty() ? path : file).string(), "' has no ",
        split == Split::kTrain ? "training" : "test", " images: expected a key '",
        split == Split::kTrain ? "train" : "val", "'");
  Finder(file.empty() ? path : file, root, half).find(chosen->second);
  half.read = [classes = std::ssize(half.classes)](const Item& item, const PictureHead&,
                                                   Labelled& to) { read_label(item, classes, to); };
  return half;
}

}  // namespace lorae::data
