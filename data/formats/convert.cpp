#include "data/formats/convert.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/text.h"
#include "data/formats/png_file.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

/// The half; nothing if the set has no such half.
DatasetPtr half_of(const fs::path& from, Split split, const OpenOptions& options) {
  try {
    return open_dataset(from, 3, split, options);
  } catch (const Error& error) {
    const std::string what = error.what();
    if (what.find(split == Split::kTrain ? "has no training images" : "has no test images") ==
        std::string::npos) {
      throw;
    }
  }
  return nullptr;
}

/// "a.jpg"; "ethz_1_a.jpg" or "a_2.jpg" where another picture has that name.
std::string free_name(const fs::path& picture,
                      const std::string& domain,
                      std::set<std::string>& taken) {
  const std::string stem = picture.stem().string(), ending = picture.extension().string();
  if (taken.insert(stem).second) {
    return stem + ending;
  }
  std::string name = domain.empty() ? stem : domain + "_" + stem;
  for (int i = 2; !taken.insert(name).second; ++i) {
    name = str(stem, '_', i);
  }
  return name + ending;
}

Pixels pixels_of(const at::Tensor& mask) {
  const at::Tensor whole = mask.contiguous();
  const auto* values = whole.data_ptr<std::uint8_t>();
  return {whole.size(0), whole.size(1), {values, values + whole.numel()}};
}

/// The halves that can be converted, found before anything is written.
std::vector<std::pair<Split, DatasetPtr>> halves_of(const fs::path& from,
                                                    SetFormat format,
                                                    const OpenOptions& options) {
  std::vector<std::pair<Split, DatasetPtr>> halves;
  for (const Split split : {Split::kTrain, Split::kTest}) {
    const DatasetPtr set = half_of(from, split, options);
    if (set == nullptr) {
      continue;
    }
    check(set->annotation() != Annotation::kClass, ErrorCode::kInvalidConfig, "[data] '",
          from.string(), "' has one class for each picture: there is nothing to convert");
    for (std::int64_t i = 0; format == SetFormat::kCoco && i < set->size(); ++i) {
      const std::string name = fs::path(set->name(i)).filename().string();
      check(is_utf8(name) && is_utf8(set->domain(i)), ErrorCode::kInvalidConfig, "[data] '",
            set->name(i), "': a name in COCO's JSON has to be UTF-8; rename the picture");
    }
    halves.emplace_back(split, set);
  }
  check(!halves.empty(), ErrorCode::kInvalidConfig, "[data] '", from.string(),
        "' has neither training nor test images");
  return halves;
}

}  // namespace

std::vector<Object> objects_of_mask(const at::Tensor& mask, std::int64_t classes) {
  const Pixels all = pixels_of(mask);
  std::vector<Object> objects;
  for (std::int64_t label = 0; label < classes; ++label) {
    Pixels own{all.height, all.width, std::vector<std::uint8_t>(all.values.size())};
    std::ranges::transform(all.values, own.values.begin(), [&](std::uint8_t value) {
      return static_cast<std::uint8_t>(value == label + 1);
    });
    for (Polygon& part : outlines(own)) {
      Object& object = objects.emplace_back(Object{.label = label, .box = {}});
      object.polygons.push_back(std::move(part));
      object.box = extent(object.polygons);
    }
  }
  return objects;
}

Converted convert_set(const fs::path& from,
                      const fs::path& out,
                      SetFormat format,
                      const OpenOptions& options) {
  Converted done;
  const auto halves = halves_of(from, format, options);
  const auto writer = set_writer(format, out, halves.front().second->classes());
  std::set<std::string> taken;
  for (const auto& [split, set] : halves) {
    const bool masks = set->annotation() == Annotation::kMasks;
    for (std::int64_t i = 0; i < set->size(); ++i) {
      const fs::path picture = set->name(i);
      Written written{.name = free_name(picture, set->domain(i), taken),
                      .size = *set->picture_size(i),
                      .objects = set->objects(i)};
      if (masks) {
        const at::Tensor mask = set->get(i).mask;
        written.objects = objects_of_mask(mask, std::ssize(set->classes()));
        written.mask = pixels_of(mask);
      }
      done.objects += format == SetFormat::kMasks ? 0 : std::ssize(written.objects);
      ++done.images;
      write_plain(writer->add(split, written), text_of(read_file(picture)));
    }
  }
  writer->finish();
  return done;
}

}  // namespace lorae::data
