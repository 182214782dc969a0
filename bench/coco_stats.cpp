// What lorae's metrics say of detections in COCO's format: bench/coco_peer.py compares.
//
// Usage: bench_coco_stats ANNOTATIONS.json PREDICTIONS.json
// Prints {"boxes": [AP, AP50, ... ARl], "masks": [...], "seconds": s}, as pycocotools orders them.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "tasks/metrics/detection.h"
#include "tasks/metrics/draw.h"

namespace {

using namespace lorae::tasks::metrics;
using nlohmann::json;

json read(const char* path) {
  std::ifstream stream(path);
  return json::parse(stream);
}

lorae::data::Box box_of(const json& value) {
  const auto b = value.get<std::vector<double>>();
  return {b.at(0), b.at(1), b.at(0) + b.at(2), b.at(1) + b.at(3)};
}

Rle mask_of(const json& value, std::int64_t height, std::int64_t width) {
  if (value.is_array()) {
    std::vector<Rle> parts;
    for (const json& flat : value) {
      lorae::data::Polygon outline;
      for (std::size_t i = 0; i + 1 < flat.size(); i += 2) {
        outline.push_back({flat[i].get<double>(), flat[i + 1].get<double>()});
      }
      parts.push_back(drawn(outline, height, width));
    }
    return joined(parts);
  }
  const json& counts = value.at("counts");
  return counts.is_string()
             ? lorae::data::from_text(counts.get<std::string>(), height, width).value()
             : lorae::data::from_counts(counts.get<std::vector<std::int64_t>>(), height, width)
                   .value();
}

struct Pictures {
  std::map<std::int64_t, Judgement> by_id;
  bool masks = true;
};

Pictures pictures_of(const json& annotations, const json& predictions) {
  Pictures all;
  std::map<std::int64_t, std::pair<std::int64_t, std::int64_t>> sizes;
  for (const json& image : annotations.at("images")) {
    const auto id = image.at("id").get<std::int64_t>();
    sizes[id] = {image.at("height").get<std::int64_t>(), image.at("width").get<std::int64_t>()};
    all.by_id[id];
  }
  for (const json& one : predictions) {
    all.masks = all.masks && one.contains("segmentation");
  }
  const auto mask = [&](const json& one, std::int64_t image) {
    const auto [height, width] = sizes.at(image);
    return all.masks ? mask_of(one.at("segmentation"), height, width) : Rle{};
  };
  for (const json& one : annotations.at("annotations")) {
    const auto image = one.at("image_id").get<std::int64_t>();
    all.by_id.at(image).truths.push_back({.label = one.at("category_id").get<std::int64_t>(),
                                          .box = box_of(one.at("bbox")),
                                          .mask = mask(one, image),
                                          .ignored = one.value("iscrowd", 0) != 0,
                                          .area = one.value("area", 0.0)});
  }
  for (const json& one : predictions) {
    const auto image = one.at("image_id").get<std::int64_t>();
    const auto box = box_of(one.at("bbox"));
    all.by_id.at(image).found.push_back({one.at("category_id").get<std::int64_t>(),
                                         one.at("score").get<double>(), box, mask(one, image),
                                         box.width() * box.height()});
  }
  return all;
}

json stats_of(const Pictures& pictures, Shape shape) {
  DetectionMeter meter({.shape = shape, .protocol = Protocol::kCoco, .stats = true});
  for (const auto& [id, picture] : pictures.by_id) {
    meter.add(picture);
  }
  const CocoStats s = meter.stats();
  return {s.ap,  s.ap50, s.ap75,  s.ap_small, s.ap_medium, s.ap_large,
          s.ar1, s.ar10, s.ar100, s.ar_small, s.ar_medium, s.ar_large};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: bench_coco_stats ANNOTATIONS.json PREDICTIONS.json\n", stderr);
    return 64;
  }
  const Pictures pictures = pictures_of(read(argv[1]), read(argv[2]));
  const auto start = std::chrono::steady_clock::now();
  json result{{"boxes", stats_of(pictures, Shape::kBoxes)}};
  if (pictures.masks) {
    result["masks"] = stats_of(pictures, Shape::kMasks);
  }
  result["seconds"] =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::cout << result.dump() << "\n";
  return 0;
}
