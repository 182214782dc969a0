#include "data/formats/masks.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "data/picture_files.h"
#include "data/picture_head.h"
#include "data/text_file.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

struct Folders {
  fs::path pictures, masks;
};

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::optional<fs::path> masks_in(const fs::path& path) {
  for (const char* name : {"masks", "mask", "annotations"}) {
    if (is_folder(path / name)) {
      return path / name;
    }
  }
  return std::nullopt;
}

/// The folders of a half; nothing if there are none.
std::optional<Folders> folders_of(const fs::path& path, Split split) {
  const std::vector<const char*> names =
      split == Split::kTrain ? std::vector{"train", "training"}
                             : std::vector{"val", "valid", "validation", "test", "testing"};
  const auto masks = masks_in(path);
  for (const char* name : names) {
    if (masks && is_folder(path / "images" / name) && is_folder(*masks / name)) {
      return Folders{path / "images" / name, *masks / name};
    }
    if (const auto own = masks_in(path / name); own && is_folder(path / name / "images")) {
      return Folders{path / name / "images", *own};
    }
  }
  return std::nullopt;
}

std::optional<Folders> all_in_one(const fs::path& path) {
  const auto masks = masks_in(path);
  return masks && is_folder(path / "images") ? std::optional(Folders{path / "images", *masks})
                                             : std::nullopt;
}

bool is_mask(const fs::path& path) {
  return lower_case(path.extension().string()) == ".png" && is_picture(path);
}

void look_at(const Item& item, const PictureHead& head, Labelled& to) {
  std::error_code status;
  if (item.label.empty() || !fs::exists(item.label, status)) {
    return to.complain(Flaw::kMaskMissing, item.picture, 0,
                       "no mask has its name: expected a .png");
  }
  const auto mask = read_picture_head(item.label);
  if (!mask.ok()) {
    return to.complain(Flaw::kMaskValue, item.label, 0,
                       str("cannot decode the mask: ", mask.error().what()));
  }
  if (head.size.width > 0 && mask->size != head.size) {
    return to.complain(Flaw::kMaskSize, item.label, 0,
                       str("the mask has ", mask->size.width, " x ", mask->size.height,
                           " pixels, its picture ", head.size.width, " x ", head.size.height));
  }
  to.mask = item.label;
}

}  // namespace

bool holds_masks(const fs::path& path) {
  const auto folders = folders_of(path, Split::kTrain);
  const auto others = folders ? folders : folders_of(path, Split::kTest);
  const auto any = others ? others : all_in_one(path);
  return any && std::ranges::any_of(entries(any->masks), is_mask);
}

std::vector<std::string> mask_classes(const fs::path& path, const OpenOptions& options) {
  std::error_code ignored;
  const fs::path file = path / "classes.txt";
  if (!options.names.empty() || !fs::exists(file, ignored)) {
    return options.names.empty() ? std::vector<std::string>{"object"} : options.names;
  }
  const auto text = read_text(file);
  check(text.ok(), ErrorCode::kInvalidConfig, "[data] '", file.string(),
        "': ", text.ok() ? "" : text.error().what());
  std::vector<std::string> names = names_in(*text);
  check(!names.empty() && names.size() < kVoid, ErrorCode::kInvalidConfig, "[data] '",
        file.string(), "': expected 1 to ", kVoid - 1, " classes, one a line, got ", names.size());
  return names;
}

Half find_masks(const fs::path& path, Split split, const OpenOptions& options) {
  Half half;
  half.annotation = Annotation::kMasks;
  half.classes = mask_classes(path, options);
  auto folders = folders_of(path, split);
  if (!folders && split == Split::kTrain && !folders_of(path, Split::kTest)) {
    folders = all_in_one(path);
  }
  check(folders.has_value(), ErrorCode::kInvalidConfig, "[data] '", path.string(), "' has no ",
        split == Split::kTrain ? "training" : "test", " images: expected images/",
        split == Split::kTrain ? "train" : "val", " and masks/",
        split == Split::kTrain ? "train" : "val");
  half.sources = {folders->pictures, folders->masks, path / "classes.txt", path};
  std::map<std::string, std::string> masks;
  for (const std::string& file : entry_names(folders->masks)) {
    const fs::path mask = folders->masks / file;
    if (is_mask(mask)) {
      masks.emplace(mask.stem().string(), mask);
    }
  }
  for (const std::string& file : entry_names(folders->pictures)) {
    const fs::path picture = folders->pictures / file;
    if (const std::string why = why_no_picture(picture); !why.empty()) {
      half.problems.push_back({Flaw::kPictureOfNoKnownEnding, picture, 0, "left out: " + why});
      continue;
    }
    auto mask = masks.extract(picture.stem().string());
    half.items.add({.picture = picture, .label = mask.empty() ? std::string() : mask.mapped()});
  }
  for (const auto& [name, mask] : masks) {
    half.problems.push_back({Flaw::kLabelWithoutPicture, mask, 0, "no picture has this mask"});
  }
  half.read = &look_at;
  return half;
}

}  // namespace lorae::data
