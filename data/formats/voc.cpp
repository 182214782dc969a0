#include "data/formats/voc.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include "base/atomic_file.h"
#include "base/error.h"
#include "data/formats/voc_xml.h"
#include "data/picture_files.h"
#include "data/text_file.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array kTwenty = {"aeroplane",   "bicycle", "bird",  "boat",      "bottle",
                                "bus",         "car",     "cat",   "chair",     "cow",
                                "diningtable", "dog",     "horse", "motorbike", "person",
                                "pottedplant", "sheep",   "sofa",  "train",     "tvmonitor"};

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_year(const fs::path& path) {
  return is_folder(path / "JPEGImages") && is_folder(path / "Annotations");
}

/// The folders that hold pictures: the set itself, or its years.
std::vector<fs::path> years_of(const fs::path& path) {
  if (!is_folder(path)) {
    return {};
  }
  if (is_year(path)) {
    return {path};
  }
  std::vector<fs::path> years = sub_folders(path);
  std::erase_if(years, [](const fs::path& year) { return !is_year(year); });
  return years.empty() && is_folder(path / "VOCdevkit") ? years_of(path / "VOCdevkit") : years;
}

fs::path list_of(const fs::path& year, const char* name) {
  return year / "ImageSets" / "Main" / (std::string(name) + ".txt");
}

bool has_list(const fs::path& year, const char* name) {
  std::error_code ignored;
  return fs::is_regular_file(list_of(year, name), ignored);
}

/// Pictures of a year by their names before the ending.
std::map<std::string, std::string> pictures_of(const fs::path& year, Half& half) {
  std::map<std::string, std::string> pictures;
  for (const std::string& name : entry_names(year / "JPEGImages")) {
    const fs::path path = year / "JPEGImages" / name;
    const std::string why = why_no_picture(path);
    if (why.empty()) {
      pictures.emplace(path.stem().string(), path);
    } else {
      half.problems.push_back({Flaw::kPictureOfNoKnownEnding, path, 0, "left out: " + why});
    }
  }
  return pictures;
}

/// Adds the pictures that a list names: "2007_000027", or "2007_000027 1".
void add_listed(const fs::path& list,
                const fs::path& year,
                const std::map<std::string, std::string>& pictures,
                Half& half) {
  const auto text = read_text(list);
  if (!text.ok()) {
    refuse({Flaw::kListLine, list, 0, text.error().what()});
  }
  half.sources.push_back(list);
  std::int64_t line = 0;
  for (const std::string_view row : lines_of(*text)) {
    ++line;
    std::string_view id = trimmed(row);
    const auto words = words_of(id);
    if (words.size() == 2 && (words[1] == "1" || words[1] == "0" || words[1] == "-1")) {
      id = words[0];
    }
    if (id.empty()) {
      continue;
    }
    const auto picture = pictures.find(std::string(id));
    if (picture == pictures.end()) {
      half.problems.push_back(
          {Flaw::kPictureMissing, list, line, str("JPEGImages has no picture ", shown(id))});
      continue;
    }
    half.items.add({.picture = picture->second,
                    .label = year / "Annotations" / (std::string(id) + ".xml"),
                    .domain = year.filename().string()});
  }
}

/// The lists that make a half.
std::vector<const char*> lists_for(const fs::path& year, bool tested, Split split) {
  if (!tested) {
    return split == Split::kTrain ? std::vector{"train"} : std::vector{"val"};
  }
  if (split == Split::kTest) {
    return has_list(year, "test") ? std::vector{"test"} : std::vector<const char*>{};
  }
  return has_list(year, "trainval") ? std::vector{"trainval"} : std::vector{"train", "val"};
}

void add_year(const fs::path& year, bool tested, Split split, Half& half) {
  const auto pictures = pictures_of(year, half);
  half.sources.push_back(year / "JPEGImages");
  half.sources.push_back(year / "Annotations");
  if (!is_folder(year / "ImageSets" / "Main")) {
    if (split != Split::kTrain) {
      return;  // it is trained on, whatever other years have
    }
    for (const auto& [id, path] : pictures) {
      half.items.add({.picture = path,
                      .label = year / "Annotations" / (id + ".xml"),
                      .domain = year.filename().string()});
    }
    for (const std::string& name : entry_names(year / "Annotations")) {
      const fs::path label = year / "Annotations" / name;
      if (label.extension() == ".xml" && !pictures.contains(label.stem().string())) {
        half.problems.push_back(
            {Flaw::kLabelWithoutPicture, label, 0, "no picture has this label"});
      }
    }
    return;
  }
  for (const char* name : lists_for(year, tested, split)) {
    if (has_list(year, name)) {
      add_listed(list_of(year, name), year, pictures, half);
    }
  }
}

void read_label(const Item& item,
                const std::vector<std::string>& classes,
                const PictureHead& head,
                Labelled& to) {
  std::error_code status;
  if (!fs::exists(item.label, status)) {
    return to.complain(Flaw::kPictureUnlabelled, item.picture, 0,
                       "no label: '" + item.label + "' does not exist");
  }
  try {
    const Bytes text = read_file(item.label);
    read_voc_xml(text_of(text), item.label, classes, head, to);
  } catch (const Error& error) {
    to.complain(Flaw::kLabelUnreadable, item.label, 0, error.what());
  }
}

}  // namespace

bool holds_voc(const fs::path& path) {
  return !years_of(path).empty();
}

std::vector<std::string> voc_classes(const fs::path& path, const OpenOptions& options) {
  if (!options.names.empty()) {
    return options.names;
  }
  for (const fs::path& folder : {path, years_of(path).front()}) {
    std::error_code ignored;
    if (const fs::path file = folder / "classes.txt"; fs::exists(file, ignored)) {
      const auto text = read_text(file);
      check(text.ok(), ErrorCode::kInvalidConfig, "[data] '", file.string(),
            "': ", text.ok() ? "" : text.error().what());
      return names_in(*text);
    }
  }
  return {kTwenty.begin(), kTwenty.end()};
}

Half find_voc(const fs::path& path, Split split, const OpenOptions& options) {
  Half half;
  half.classes = voc_classes(path, options);
  const std::vector<fs::path> years = years_of(path);
  half.sources = {path, path / "classes.txt", years.front() / "classes.txt"};
  const bool tested =
      std::ranges::any_of(years, [](const fs::path& year) { return has_list(year, "test"); });
  const bool listed = std::ranges::any_of(
      years, [](const fs::path& year) { return is_folder(year / "ImageSets" / "Main"); });
  check(listed || split == Split::kTrain, ErrorCode::kInvalidConfig, "[data] '", path.string(),
        "' has no test images: expected ImageSets/Main/val.txt or test.txt that name them");
  for (const fs::path& year : years) {
    add_year(year, tested, split, half);
  }
  half.read = [classes = half.classes](const Item& item, const PictureHead& head, Labelled& to) {
    read_label(item, classes, head, to);
  };
  return half;
}

}  // namespace lorae::data
