#include "data/formats/set_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/formats/png_file.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

std::string_view folder_of(Split half) {
  return half == Split::kTrain ? "train" : "val";
}

/// At most six digits behind the point, none that says nothing.
std::string decimal(double value) {
  std::string text = fmt::format("{:.6f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  return text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  }
  return out;
}

std::string json_text(const std::string& text) {
  return nlohmann::json(text).dump();  // YAML's double quotes take the same
}

class YoloWriter final : public SetWriter {
 public:
  YoloWriter(fs::path folder, std::vector<std::string> classes)
      : folder_(std::move(folder)), classes_(std::move(classes)) {}

  fs::path add(Split half, const Written& picture) override {
    std::string rows;
    for (const Object& object : picture.objects) {
      if (object.ignored) {
        continue;
      }
      rows += fmt::format("{}", object.label);
      const Box& box = object.box;
      if (object.polygons.empty()) {
        rows += fmt::format(" {} {} {} {}", decimal((box.x1 + box.x2) / 2),
                            decimal((box.y1 + box.y2) / 2), decimal(box.width()),
                            decimal(box.height()));
      } else {
        for (const Point& point : joined(object.polygons)) {
          rows += ' ' + decimal(point.x) + ' ' + decimal(point.y);
        }
      }
      rows += '\n';
    }
    halves_[half] = true;
    write_plain((folder_ / "labels" / folder_of(half) / picture.name).replace_extension(".txt"),
                rows);
    return folder_ / "images" / folder_of(half) / picture.name;
  }

  void finish() override {
    std::string yaml;
    for (const auto& [half, written] : halves_) {
      yaml += fmt::format("{0}: images/{0}\n", folder_of(half));
    }
    yaml += fmt::format("nc: {}\nnames:\n", classes_.size());
    for (std::size_t i = 0; i < classes_.size(); ++i) {
      yaml += fmt::format("  {}: {}\n", i, json_text(classes_[i]));
    }
    write_plain(folder_ / "data.yaml", yaml);
  }

 private:
  fs::path folder_;
  std::vector<std::string> classes_;
  std::map<Split, bool> halves_;
};

std::string names_text(const std::vector<std::string>& classes) {
  std::string text;
  for (const std::string& name : classes) {
    text += name + '\n';
  }
  return text;
}

/// A single VOC folder: JPEGImages, Annotations, ImageSets/Main.
class VocWriter final : public SetWriter {
 public:
  VocWriter(fs::path folder, std::vector<std::string> classes)
      : folder_(std::move(folder)), classes_(std::move(classes)) {}

  fs::path add(Split half, const Written& picture) override {
    const fs::path name(picture.name);
    const auto width = static_cast<double>(picture.size.width);
    const auto height = static_cast<double>(picture.size.height);
    std::string xml = fmt::format(
        "<annotation>\n  <folder>JPEGImages</folder>\n  <filename>{}</filename>\n"
        "  <size><width>{}</width><height>{}</height><depth>3</depth></size>\n"
        "  <segmented>0</segmented>\n",
        escaped(picture.name), picture.size.width, picture.size.height);
    for (const Object& object : picture.objects) {
      xml += fmt::format(
          "  <object>\n    <name>{}</name>\n    <difficult>{}</difficult>\n    <bndbox>"
          "<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>\n"
          "  </object>\n",
          escaped(classes_.at(static_cast<std::size_t>(object.label))), object.ignored ? 1 : 0,
          decimal(object.box.x1 * width + 1), decimal(object.box.y1 * height + 1),
          decimal(object.box.x2 * width), decimal(object.box.y2 * height));
    }
    write_plain((folder_ / "Annotations" / name).replace_extension(".xml"),
                xml + "</annotation>\n");
    ids_[half] += name.stem().string() + '\n';
    return folder_ / "JPEGImages" / name;
  }

  void finish() override {
    for (const auto& [half, ids] : ids_) {
      write_plain(folder_ / "ImageSets" / "Main" / fmt::format("{}.txt", folder_of(half)), ids);
    }
    write_plain(folder_ / "classes.txt", names_text(classes_));
  }

 private:
  fs::path folder_;
  std::vector<std::string> classes_;
  std::map<Split, std::string> ids_;
};

class CocoWriter final : public SetWriter {
 public:
  CocoWriter(fs::path folder, std::vector<std::string> classes)
      : folder_(std::move(folder)), classes_(std::move(classes)) {}

  fs::path add(Split half, const Written& picture) override {
    Lists& lists = lists_[half];
    const std::int64_t id = ++lists.pictures;
    const auto width = static_cast<double>(picture.size.width);
    const auto height = static_cast<double>(picture.size.height);
    line(lists.images,
         fmt::format(R"({{"id": {}, "file_name": {}, "width": {}, "height": {}}})", id,
                     json_text(picture.name), picture.size.width, picture.size.height));
    for (const Object& object : picture.objects) {
      std::string parts;
      for (const Polygon& polygon : object.polygons) {
        std::string points;
        for (const Point& point : polygon) {
          points += (points.empty() ? "" : ", ") + decimal(point.x * width) + ", " +
                    decimal(point.y * height);
        }
        parts += (parts.empty() ? "[" : ", [") + points + ']';
      }
      const Box& box = object.box;
      line(lists.objects,
           fmt::format(R"({{"id": {}, "image_id": {}, "category_id": {}, "iscrowd": {}, )"
                       R"("area": {}, "bbox": [{}, {}, {}, {}], "segmentation": [{}]}})",
                       ++lists.count, id, object.label + 1, object.ignored ? 1 : 0,
                       decimal(area_of(object, picture.size)), decimal(box.x1 * width),
                       decimal(box.y1 * height), decimal(box.width() * width),
                       decimal(box.height() * height), parts));
    }
    return folder_ / folder_of(half) / picture.name;
  }

  void finish() override {
    std::string categories;
    for (std::size_t i = 0; i < classes_.size(); ++i) {
      line(categories, fmt::format(R"({{"id": {}, "name": {}}})", i + 1, json_text(classes_[i])));
    }
    for (const auto& [half, lists] : lists_) {
      write_plain(folder_ / "annotations" / fmt::format("instances_{}.json", folder_of(half)),
                  fmt::format("{{\"images\": [\n{}\n], \"annotations\": [\n{}\n], "
                              "\"categories\": [\n{}\n]}}\n",
                              lists.images, lists.objects, categories));
    }
  }

 private:
  struct Lists {
    std::string images, objects;
    std::int64_t pictures = 0, count = 0;
  };

  static void line(std::string& to, const std::string& text) {
    to += (to.empty() ? "" : ",\n") + text;
  }

  static double area_of(const Object& object, PictureSize size) {
    if (object.polygons.empty()) {
      return object.box.area() * static_cast<double>(size.width * size.height);
    }
    Pixels pixels{size.height, size.width,
                  std::vector<std::uint8_t>(static_cast<std::size_t>(size.height * size.width))};
    fill(object.polygons, 1, pixels);
    return static_cast<double>(std::ranges::count(pixels.values, 1));
  }

  fs::path folder_;
  std::vector<std::string> classes_;
  std::map<Split, Lists> lists_;
};

class MaskWriter final : public SetWriter {
 public:
  MaskWriter(fs::path folder, std::vector<std::string> classes)
      : folder_(std::move(folder)), classes_(std::move(classes)) {
    check(classes_.size() < kVoid, ErrorCode::kIncompatible, "[data] masks have at most ",
          kVoid - 1, " classes, got ", classes_.size());
  }

  fs::path add(Split half, const Written& picture) override {
    Pixels mask = picture.mask;
    if (mask.values.empty()) {
      mask = {picture.size.height, picture.size.width,
              std::vector<std::uint8_t>(
                  static_cast<std::size_t>(picture.size.height * picture.size.width))};
      std::vector<Object> objects = picture.objects;
      std::ranges::stable_sort(objects, std::greater{},
                               [](const Object& object) { return object.box.area(); });
      for (const Object& object : objects) {
        const auto value = object.ignored ? kVoid : static_cast<std::uint8_t>(object.label + 1);
        object.polygons.empty() ? fill(object.box, value, mask)
                                : fill(object.polygons, value, mask);
      }
    }
    write_plain((folder_ / "masks" / folder_of(half) / picture.name).replace_extension(".png"),
                png_bytes(mask.values, mask.height, mask.width, 1));
    return folder_ / "images" / folder_of(half) / picture.name;
  }

  void finish() override { write_plain(folder_ / "classes.txt", names_text(classes_)); }

 private:
  fs::path folder_;
  std::vector<std::string> classes_;
};

template <typename Writer>
std::unique_ptr<SetWriter> make(const fs::path& folder, const std::vector<std::string>& classes) {
  return std::make_unique<Writer>(folder, classes);
}

// In the order of SetFormat.
constexpr std::array kWriters = {&make<YoloWriter>, &make<VocWriter>, &make<CocoWriter>,
                                 &make<MaskWriter>};

}  // namespace

std::unique_ptr<SetWriter> set_writer(SetFormat format,
                                      const fs::path& folder,
                                      const std::vector<std::string>& classes) {
  std::error_code absent;
  const bool holds = fs::exists(folder, absent) &&
                     (!fs::is_directory(folder, absent) ||
                      fs::directory_iterator(folder, absent) != fs::directory_iterator{});
  check(!holds, ErrorCode::kInvalidConfig, "[data] '", folder.string(),
        "' holds something: expected a new folder");
  return kWriters.at(static_cast<std::size_t>(format))(folder, classes);
}

}  // namespace lorae::data
