#include "apps/lorae/objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/text.h"
#include "data/draw.h"
#include "data/raster.h"
#include "data/rle.h"
#include "tasks/detection_meter.h"
#include "tasks/judgement.h"
#include "tasks/marks.h"
#include "tasks/vision/judged.h"
#include "tensors/torch.h"
#include "training/shares.h"

namespace lorae::apps {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using tasks::metrics::Found;

/// One picture, as a set of its own.
class OnePicture final : public data::Dataset {
 public:
  OnePicture(fs::path path, at::Tensor picture) : path_(std::move(path)), picture_(picture) {}

  std::int64_t size() const override { return 1; }
  const std::vector<std::string>& classes() const override { return classes_; }
  std::int64_t label(std::int64_t /*index*/) const override { return -1; }
  data::Sample get(std::int64_t /*index*/) const override { return {picture_}; }
  std::string name(std::int64_t /*index*/) const override { return path_.string(); }
  std::optional<data::PictureSize> picture_size(std::int64_t /*index*/) const override {
    return data::PictureSize{picture_.size(0), picture_.size(1)};
  }

 private:
  fs::path path_;
  at::Tensor picture_;
  std::vector<std::string> classes_;
};

json json_of(const Found& found, const Trained& trained) {
  const data::Box& box = found.box;
  json line{{"name", trained.class_name(found.label)},
            {"score", found.score},
            {"box", {box.x1, box.y1, box.x2, box.y2}}};
  if (!found.mask.empty()) {
    json polygons = json::array();
    for (const data::Polygon& polygon : data::contours(tasks::pixels_of(found.mask))) {
      json points = json::array();
      for (const data::Point& point : polygon) {
        points.push_back({point.x, point.y});
      }
      polygons.push_back(std::move(points));
    }
    line["polygons"] = std::move(polygons);
  }
  return line;
}

Said objects_in(const tasks::Predictions& predictions,
                const data::Batch& batch,
                const Trained& trained,
                std::vector<data::Mark>& marks) {
  const bool masks = trained.task->needs().masks == data::Masks::kInstances;
  Said said{.line = {{"objects", json::array()}}};
  std::map<std::string, int> counts;
  for (const Found& found : tasks::found_in(predictions, batch, 0, masks)) {
    said.line["objects"].push_back(json_of(found, trained));
    marks.push_back(tasks::mark_of(found, trained.config.classes));
    ++counts[trained.class_name(found.label)];
  }
  for (const auto& [name, count] : counts) {
    said.text += fmt::format("{}{} {}", said.text.empty() ? "" : "  ", count, name);
  }
  said.text = counts.empty() ? "nothing" : said.text;
  return said;
}

Said classes_in(const tasks::Predictions& predictions,
                const data::Batch& batch,
                const Trained& trained,
                std::vector<data::Mark>& marks) {
  Said said{.line = {{"classes", json::array()}}};
  marks = tasks::marks_of_labels(tasks::labels_in_picture(predictions, batch, 0),
                                 trained.config.classes);
  for (const data::Mark& mark : marks) {
    const double share = mark.mask.to(torch::kFloat64).mean().item<double>();
    said.line["classes"].push_back({{"name", mark.text}, {"share", share}});
    said.text +=
        fmt::format("{}{} {:.1f} %", said.text.empty() ? "" : "  ", mark.text, 100 * share);
  }
  said.text = said.text.empty() ? "nothing" : said.text;
  return said;
}

/// "000123.jpg" -> 123; "cat.jpg" -> "cat".
json id_of_name(const std::string& name) {
  const std::string stem = fs::path(name).stem().string();
  std::int64_t number = 0;
  const auto [end, code] = std::from_chars(stem.data(), stem.data() + stem.size(), number);
  return code == std::errc() && end == stem.data() + stem.size() ? json(number) : json(stem);
}

/// By which data::CocoIds knows a picture.
std::string absolute_name(const data::Dataset& set, std::int64_t index) {
  return fs::absolute(set.name(index)).lexically_normal().string();
}

Found found_from(const json& entry, std::size_t index, const ResultIds& ids) {
  const auto number = [&](const json& value, const char* key) {
    check(value.is_number(), ErrorCode::kCorruptData, "[val] entry ", index, ": \"", key,
          "\": expected a number");
    return value.get<double>();
  };
  const auto field = [&](const char* key) -> const json& {
    check(entry.is_object() && entry.contains(key), ErrorCode::kCorruptData, "[val] entry ", index,
          " has no \"", key, "\": expected a file of COCO's results");
    return entry.at(key);
  };
  const json& box = field("bbox");
  check(box.is_array() && box.size() == 4, ErrorCode::kCorruptData, "[val] entry ", index,
        ": \"bbox\": expected [x, y, width, height]");
  const double x = number(box[0], "bbox"), y = number(box[1], "bbox");
  const double category = number(field("category_id"), "category_id");
  const auto label = ids.label(static_cast<std::int64_t>(category));
  check(label.has_value(), ErrorCode::kCorruptData, "[val] entry ", index, ": \"category_id\" ",
        category, " is no class of the data set");
  Found found{.label = *label,
              .score = number(field("score"), "score"),
              .box = {x, y, x + number(box[2], "bbox"), y + number(box[3], "bbox")}};
  if (const auto mask = entry.find("segmentation"); mask != entry.end()) {
    const bool whole = mask->is_object() && mask->contains("size") && mask->contains("counts") &&
                       mask->at("size").is_array() && mask->at("size").size() == 2 &&
                       mask->at("counts").is_string();
    check(whole, ErrorCode::kCorruptData, "[val] entry ", index,
          ": \"segmentation\": expected {\"size\": [height, width], \"counts\": text}");
    found.mask = data::from_text(mask->at("counts").get<std::string>(),
                                 static_cast<std::int64_t>(number(mask->at("size")[0], "size")),
                                 static_cast<std::int64_t>(number(mask->at("size")[1], "size")))
                     .value();
  }
  return found;
}

}  // namespace

bool finds_objects(const Trained& trained) {
  const tasks::Needs needs = trained.task->needs();
  return needs.proportions && needs.masks != data::Masks::kClasses;
}

Said said_of_scene(const Trained& trained,
                   const fs::path& path,
                   const at::Tensor& picture,
                   const UseArguments& asked) {
  data::LoaderOptions options = tasks::judging_options(*trained.task, *trained.model);
  options.batch_size = 1;
  options.rectangular = !asked.square;
  data::Loader loader(std::make_shared<OnePicture>(path, picture), options, {});
  const data::Batch batch = *loader.next();
  const tasks::Predictions predictions = trained.task->predict(*trained.model, batch);
  std::vector<data::Mark> marks;
  Said said = finds_objects(trained) ? objects_in(predictions, batch, trained, marks)
                                     : classes_in(predictions, batch, trained, marks);
  if (!asked.save.empty()) {
    said.drawn = data::marked(picture, marks);
  }
  return said;
}

ResultIds::ResultIds(const fs::path& folder, const data::Dataset& set)
    : set_(set), own_(data::coco_ids(folder, data::Split::kTest)) {
  for (std::int64_t i = 0; own_ && i < set.size(); ++i) {
    if (!own_->pictures.contains(absolute_name(set, i))) {
      own_.reset();  // the set was read from other files
    }
  }
  for (std::int64_t i = 0; !own_ && i < set.size(); ++i) {
    check(is_utf8(fs::path(set.name(i)).filename().string()), ErrorCode::kInvalidConfig, "[val] '",
          set.name(i), "': a name in COCO's results has to be UTF-8; rename the picture");
  }
}

json ResultIds::picture(std::int64_t index) const {
  return own_ ? json(own_->pictures.at(absolute_name(set_, index))) : id_of_name(set_.name(index));
}

std::optional<std::int64_t> ResultIds::category(std::int64_t label) const {
  if (!own_) {
    return label + 1;
  }
  const auto found = own_->categories.find(set_.classes().at(static_cast<std::size_t>(label)));
  return found == own_->categories.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::int64_t> ResultIds::label(std::int64_t category) const {
  for (std::int64_t label = 0; label < std::ssize(set_.classes()); ++label) {
    if (this->category(label) == category) {
      return label;
    }
  }
  return std::nullopt;
}

void CocoResults::add(const tasks::Predictions& predictions, const data::Batch& batch) {
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    const json id = ids_.picture(batch.indices[static_cast<std::size_t>(i)]);
    for (const Found& found : tasks::found_in(predictions, batch, i, masks_)) {
      const auto category = ids_.category(found.label);
      if (!category) {
        continue;
      }
      const data::Box& box = found.box;
      json result{{"image_id", id},
                  {"category_id", *category},
                  {"bbox", {box.x1, box.y1, box.width(), box.height()}},
                  {"score", found.score}};
      if (masks_) {
        result["segmentation"] = {{"size", {found.mask.height, found.mask.width}},
                                  {"counts", data::to_text(found.mask)}};
      }
      results_.push_back(std::move(result));
    }
  }
}

void CocoResults::save(const fs::path& file) const {
  const std::string text = results_.dump();
  write_file_atomic(file, std::as_bytes(std::span(text)));
}

std::unique_ptr<tasks::Meter> judged(const fs::path& file,
                                     const fs::path& folder,
                                     const data::Dataset& set,
                                     tasks::metrics::Protocol protocol) {
  const Bytes bytes = read_file(file);
  const json results =
      json::parse(reinterpret_cast<const char*>(bytes.data()),
                  reinterpret_cast<const char*>(bytes.data()) + bytes.size(), nullptr, false);
  check(results.is_array(), ErrorCode::kCorruptData, "[val] '", file.string(),
        "' is no file of COCO's results: expected a JSON array");
  const ResultIds ids(folder, set);
  std::map<std::string, std::vector<Found>> by_picture;
  bool masks = !results.empty();
  for (std::size_t i = 0; i < results.size(); ++i) {
    Found found = found_from(results[i], i, ids);
    masks = masks && !found.mask.empty();
    check(results[i].contains("image_id"), ErrorCode::kCorruptData, "[val] entry ", i,
          " has no \"image_id\"");
    by_picture[results[i].at("image_id").dump()].push_back(std::move(found));
  }
  auto meter = std::make_unique<tasks::DetectionMeter>(protocol, std::ssize(set.classes()), masks);
  std::vector<std::pair<json, std::int64_t>> pictures;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    pictures.emplace_back(ids.picture(i), i);
  }
  // As pycocotools goes: among equal scores the first picture counts first.
  std::ranges::sort(pictures, [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [id, i] : pictures) {
    const data::PictureSize size = set.picture_size(i).value_or(
        data::PictureSize{set.get(i).image.size(0), set.get(i).image.size(1)});
    tasks::metrics::Judgement judgement;
    judgement.truths = tasks::vision::truths_of(set.objects(i), size, masks);
    const auto found = by_picture.extract(id.dump());
    if (!found.empty()) {
      judgement.found = found.mapped();
    }
    std::ranges::stable_sort(judgement.found, std::greater{}, &Found::score);
    meter->add(judgement);
  }
  check(by_picture.empty(), ErrorCode::kIncompatible, "[val] '", file.string(),
        "' has results for image_id ", by_picture.empty() ? "" : by_picture.begin()->first,
        ", which is no picture of the data set");
  return meter;
}

}  // namespace lorae::apps
