#pragma once

#include <utility>

#include "data/dataset.h"

namespace lorae::data {

/// Another set as it is; what derives from it changes what it is for, and nothing else.
class View : public Dataset {
 public:
  explicit View(DatasetPtr from) : from_(std::move(from)) {}

  std::int64_t size() const override { return from_->size(); }
  const std::vector<std::string>& classes() const override { return from_->classes(); }
  std::int64_t label(std::int64_t index) const override { return from_->label(at(index)); }
  Annotation annotation() const override { return from_->annotation(); }
  std::vector<Object> objects(std::int64_t index) const override {
    return from_->objects(at(index));
  }
  std::optional<PictureSize> picture_size(std::int64_t index) const override {
    return from_->picture_size(at(index));
  }
  std::string domain(std::int64_t index) const override { return from_->domain(at(index)); }
  Sample get(std::int64_t index) const override { return from_->get(at(index)); }
  std::string name(std::int64_t index) const override { return from_->name(at(index)); }

 protected:
  /// Which picture of the other set it is.
  virtual std::int64_t at(std::int64_t index) const { return index; }
  const Dataset& from() const { return *from_; }

 private:
  DatasetPtr from_;
};

}  // namespace lorae::data
