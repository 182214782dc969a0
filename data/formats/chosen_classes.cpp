#include "data/formats/chosen_classes.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "data/formats/catalogue.h"
#include "data/view.h"

namespace lorae::data {
namespace {

/// Objects of some classes alone.
class Showing final : public View {
 public:
  Showing(DatasetPtr from, std::vector<bool> chosen)
      : View(std::move(from)), chosen_(std::move(chosen)) {}

  std::int64_t label(std::int64_t index) const override { return main_class(objects(index)); }
  std::vector<Object> objects(std::int64_t index) const override {
    return those(from().objects(index));
  }
  Sample get(std::int64_t index) const override {
    Sample sample = from().get(index);
    sample.objects = those(std::move(sample.objects));
    sample.label = main_class(sample.objects);
    return sample;
  }

 private:
  std::vector<Object> those(std::vector<Object> objects) const {
    std::erase_if(objects, [&](const Object& object) {
      return !chosen_.at(static_cast<std::size_t>(object.label));
    });
    return objects;
  }

  std::vector<bool> chosen_;
};

}  // namespace

DatasetPtr showing(DatasetPtr from, const std::vector<std::string>& names) {
  if (names.empty()) {
    return from;
  }
  check(from->annotation() != Annotation::kMasks, ErrorCode::kInvalidConfig,
        "[data] classes are chosen of sets of classes and objects, not of masks");
  std::vector<bool> chosen(from->classes().size(), false);
  for (const std::string& name : names) {
    const auto place = std::ranges::find(from->classes(), name);
    check(place != from->classes().end(), ErrorCode::kInvalidConfig, "[data] '", name,
          "' is no class of the set: it has ", join(from->classes()));
    chosen.at(static_cast<std::size_t>(place - from->classes().begin())) = true;
  }
  const bool objects = from->annotation() != Annotation::kClass;
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < from->size(); ++i) {
    bool shows = !objects && chosen.at(static_cast<std::size_t>(from->label(i)));
    for (const Object& object : from->objects(i)) {
      shows = shows || chosen.at(static_cast<std::size_t>(object.label));
    }
    if (shows) {
      indices.push_back(i);
    }
  }
  check(!indices.empty(), ErrorCode::kInvalidConfig, "[data] no picture shows any of ",
        join(names));
  DatasetPtr some = subset(std::move(from), std::move(indices));
  return objects ? std::make_shared<Showing>(std::move(some), std::move(chosen)) : some;
}

}  // namespace lorae::data
