#include "data/formats/coco.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "data/formats/clipping.h"
#include "data/formats/coco_json.h"
#include "data/formats/outline.h"
#include "data/picture_files.h"
#include "data/rle.h"
#include "data/text_file.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_json(const fs::path& path) {
  std::error_code ignored;
  return lower_case(path.extension().string()) == ".json" && fs::is_regular_file(path, ignored);
}

/// The JSON file of a half; nothing if there is none.
std::optional<fs::path> file_of(const fs::path& path, Split split) {
  const std::vector<const char*> words =
      split == Split::kTrain ? std::vector{"train"} : std::vector{"val", "test"};
  if (!is_folder(path)) {
    return std::nullopt;
  }
  for (const char* word : words) {
    if (is_folder(path / "annotations")) {
      for (const char* begin : {"instances", ""}) {
        for (const fs::path& file : entries(path / "annotations")) {
          const std::string name = lower_case(file.filename().string());
          const bool others = name.find("keypoints") != std::string::npos ||
                              name.find("captions") != std::string::npos ||
                              name.find("panoptic") != std::string::npos;
          if (is_json(file) && name.starts_with(begin) && !others &&
              name.find(word) != std::string::npos) {
            return file;
          }
        }
      }
    }
    for (const fs::path& folder : sub_folders(path)) {
      if (lower_case(folder.filename().string()).starts_with(word) &&
          is_json(folder / "_annotations.coco.json")) {
        return folder / "_annotations.coco.json";
      }
    }
  }
  return std::nullopt;
}

CocoFile read_file_of(const fs::path& file, CocoParts parts) {
  const auto text = read_text(file);
  if (!text.ok()) {
    refuse({Flaw::kJsonBroken, file, 0, text.error().what()});
  }
  auto coco = parse_coco(*text, file, parts);
  if (!coco.ok()) {
    throw coco.error();
  }
  return *std::move(coco);
}

/// Where the pictures of a JSON file lie: the first place that has the first ones.
fs::path folder_of(const fs::path& file, const fs::path& root, const CocoFile& coco) {
  std::string half = file.stem().string();
  half = half.starts_with("instances_") ? half.substr(10) : half;
  std::vector<fs::path> places = {root / half, root / "images" / half, root / "images", root,
                                  file.parent_path()};
  for (const char* word : {"train", "val", "valid", "test"}) {
    if (lower_case(half).find(word) != std::string::npos) {
      places.push_back(root / word);
      places.push_back(root / "images" / word);
    }
  }
  std::error_code ignored;
  constexpr std::size_t kTried = 20;
  for (const fs::path& place : places) {
    for (std::size_t i = 0; i < std::min(coco.pictures.size(), kTried); ++i) {
      if (fs::exists(place / coco.pictures[i].file, ignored)) {
        return place;
      }
    }
  }
  return places.front();
}

/// What a file says, by picture, with what is needed to read it.
struct Matched {
  fs::path file;
  CocoFile coco;
  std::unordered_map<std::int64_t, std::int64_t> labels;  // of categories
  std::vector<std::vector<std::size_t>> of_picture;       // things
};

std::unordered_map<std::int64_t, std::int64_t> labels_of(const Matched& all,
                                                         const std::vector<std::string>& classes) {
  std::unordered_map<std::int64_t, std::int64_t> labels;
  for (const CocoFile::Category& category : all.coco.categories) {
    const auto found = std::ranges::find(classes, category.name);
    if (found == classes.end()) {
      refuse({Flaw::kClassUnknown, all.file, category.line,
              str("category ", shown(category.name), " is none of the training half's")});
    }
    labels.emplace(category.id, found - classes.begin());
  }
  return labels;
}

void match(Matched& all, Half& half) {
  std::unordered_map<std::int64_t, std::size_t> places;
  for (std::size_t i = 0; i < all.coco.pictures.size(); ++i) {
    places.emplace(all.coco.pictures[i].id, i);
  }
  all.of_picture.resize(all.coco.pictures.size());
  for (std::size_t i = 0; i < all.coco.things.size(); ++i) {
    const CocoFile::Thing& thing = all.coco.things[i];
    const auto picture = places.find(thing.picture.value_or(-1));
    if (!thing.picture || picture == places.end()) {
      half.problems.push_back({Flaw::kIdUnknown, all.file, thing.line,
                               thing.picture ? str("annotation ", thing.id, ": image_id ",
                                                   *thing.picture, " is no image's")
                                             : str("annotation ", thing.id, " has no image_id")});
      continue;
    }
    all.of_picture[picture->second].push_back(i);
  }
}

/// The number in the file, of which a float is kept: what the shortest text for that says, which is
/// exact for up to six digits. COCO draws 12.7 and its float in different cells.
double as_written(float value) {
  std::array<char, 64> text{};
  const auto written = std::to_chars(text.data(), text.data() + text.size(), value);
  double number = value;
  std::from_chars(text.data(), written.ptr, number);
  return number;
}

/// Reads the things of one picture.
class Reader {
 public:
  Reader(const Matched& all, Labelled& to) : all_(all), to_(to) {}

  void read(std::size_t number, const PictureHead& head) {
    const CocoFile::Picture& picture = all_.coco.pictures[number];
    const auto frame = frame_of(head, picture.width, picture.height, all_.file, picture.line, to_);
    if (!frame) {
      return;
    }
    for (const std::size_t i : all_.of_picture[number]) {
      read_thing(all_.coco.things[i], *frame);
    }
  }

 private:
  void complain(Flaw flaw, const CocoFile::Thing& thing, const std::string& what) {
    to_.complain(flaw, all_.file, thing.line, str("annotation ", thing.id, ": ", what));
  }

  void read_thing(const CocoFile::Thing& thing, const Frame& frame) {
    Object object;
    object.ignored = thing.crowd;
    const auto label = all_.labels.find(thing.category.value_or(-1));
    if (!thing.category || label == all_.labels.end()) {
      return complain(Flaw::kClassOutOfRange, thing,
                      thing.category ? str("category_id ", *thing.category, " is no category's")
                                     : std::string("it has no category_id"));
    }
    object.label = label->second;
    if (!take_polygons(thing, frame, object) || !take_runs(thing, frame, object) ||
        !take_box(thing, frame, object)) {
      return;
    }
    add_clipped(std::move(object), all_.file, thing.line, to_);
  }

  bool take_polygons(const CocoFile::Thing& thing, const Frame& frame, Object& object) {
    for (const std::vector<float>& numbers : thing.polygons) {
      if (numbers.size() % 2 != 0) {
        complain(Flaw::kPolygonOdd, thing, "a polygon has an odd number of coordinates");
        return false;
      }
      if (numbers.size() < 6) {
        complain(Flaw::kPolygonShort, thing,
                 str("a polygon has ", numbers.size() / 2, " points: expected at least 3"));
        return false;
      }
      Polygon& polygon = object.polygons.emplace_back();
      for (std::size_t i = 0; i < numbers.size(); i += 2) {
        polygon.push_back(frame.point(as_written(numbers[i]), as_written(numbers[i + 1])));
      }
    }
    return true;
  }

  bool take_runs(const CocoFile::Thing& thing, const Frame& frame, Object& object) {
    if (thing.size.empty() && thing.counts.empty() && thing.text.empty()) {
      return true;
    }
    const bool sized =
        thing.size.size() == 2 && thing.size[0] == frame.height && thing.size[1] == frame.width;
    const auto height = static_cast<std::int64_t>(frame.height);
    const auto width = static_cast<std::int64_t>(frame.width);
    const Result<Rle> mask = thing.text.empty() ? from_counts(thing.counts, height, width)
                                                : from_text(thing.text, height, width);
    if (!sized || !mask.ok()) {
      complain(Flaw::kRleBroken, thing,
               sized ? std::string("its runs do not add up to the picture's pixels")
                     : str("its runs are not of a picture of ", frame.width, " x ", frame.height));
      return false;
    }
    object.polygons = outlines({height, width, decode(*mask)});
    for (Polygon& polygon : object.polygons) {
      for (Point& point : polygon) {
        point = upright(point, frame.orientation);
      }
    }
    return true;
  }

  bool take_box(const CocoFile::Thing& thing, const Frame& frame, Object& object) {
    if (thing.box.empty() && !object.polygons.empty()) {
      object.box = extent(object.polygons);
      return true;
    }
    if (thing.box.size() != 4) {
      complain(Flaw::kBoxMissing, thing, "expected a bbox of four numbers: x, y, width, height");
      return false;
    }
    const std::vector<double>& box = thing.box;
    if (box[2] < 0 || box[3] < 0) {
      complain(Flaw::kBoxNegative, thing,
               str("the box is ", box[2], " wide and ", box[3], " high"));
      return false;
    }
    object.box = frame.box(box[0], box[1], box[0] + box[2], box[1] + box[3]);
    return true;
  }

  const Matched& all_;
  Labelled& to_;
};

std::vector<std::string> names_of(const CocoFile& coco) {
  std::vector<std::string> names;
  for (const CocoFile::Category& category : coco.categories) {
    names.push_back(category.name);
  }
  return names;
}

}  // namespace

bool holds_coco(const fs::path& path) {
  return file_of(path, Split::kTrain).has_value() || file_of(path, Split::kTest).has_value();
}

std::vector<std::string> coco_classes(const fs::path& path, const OpenOptions& /*options*/) {
  const auto train = file_of(path, Split::kTrain);
  return names_of(
      read_file_of(train ? *train : *file_of(path, Split::kTest), CocoParts::kCategories));
}

Half find_coco(const fs::path& path, Split split, const OpenOptions& options) {
  const auto file = file_of(path, split);
  check(file.has_value(), ErrorCode::kInvalidConfig, "[data] '", path.string(), "' has no ",
        split == Split::kTrain ? "training" : "test", " images: expected annotations/instances_",
        split == Split::kTrain ? "train" : "val", "*.json");
  const auto all = std::make_shared<Matched>();
  all->file = *file;
  all->coco = read_file_of(*file, CocoParts::kAll);
  Half half;
  half.sources = {*file, file->parent_path(), path};
  if (const auto train = file_of(path, Split::kTrain); train && *train != *file) {
    half.sources.push_back(*train);  // whose classes these are
  }
  half.classes = split == Split::kTrain ? names_of(all->coco) : coco_classes(path, options);
  all->labels = labels_of(*all, half.classes);
  match(*all, half);
  const fs::path folder = folder_of(*file, path, all->coco);
  for (std::size_t i = 0; i < all->coco.pictures.size(); ++i) {
    const CocoFile::Picture& picture = all->coco.pictures[i];
    const fs::path place = (folder / picture.file).lexically_normal();
    const fs::path inside = place.lexically_relative(path.lexically_normal());
    if (inside.empty() || *inside.begin() == "..") {
      refuse({Flaw::kPathOutside, *file, picture.line,
              str("file_name ", shown(picture.file), " leads outside of the set's folder")});
    }
    const std::size_t mark = picture.file.find(".rf.");
    half.items.add({.picture = place,
                    .label = {},
                    .domain = mark == std::string::npos ? "" : picture.file.substr(0, mark),
                    .number = static_cast<std::int64_t>(i)});
  }
  half.read = [all](const Item& item, const PictureHead& head, Labelled& to) {
    Reader(*all, to).read(static_cast<std::size_t>(item.number), head);
  };
  return half;
}

std::optional<CocoIds> coco_ids(const fs::path& path, Split split) {
  const auto file = file_of(path, split);
  if (!file) {
    return std::nullopt;
  }
  const CocoFile coco = read_file_of(*file, CocoParts::kAll);
  const fs::path folder = folder_of(*file, path, coco);
  CocoIds ids;
  for (const CocoFile::Picture& picture : coco.pictures) {
    ids.pictures.emplace(fs::absolute(folder / picture.file).lexically_normal().string(),
                         picture.id);
  }
  for (const CocoFile::Category& category : coco.categories) {
    ids.categories.emplace(category.name, category.id);
  }
  return ids;
}

}  // namespace lorae::data
