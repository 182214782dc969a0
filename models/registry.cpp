#include <array>

#include "base/error.h"
#include "models/model.h"
#include "models/resnet.h"

namespace lorae::models {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Model> (*make)(const ModelOptions&, Seed);
};

std::unique_ptr<Model> resnet8(const ModelOptions& options, Seed seed) {
  return build_resnet(options, {.widths = {32, 64, 128}, .blocks_per_stage = 1}, seed);
}

std::unique_ptr<Model> resnet18(const ModelOptions& options, Seed seed) {
  return build_resnet(options, {.widths = {64, 128, 256, 512}, .blocks_per_stage = 2}, seed);
}

// A new model is one line here and one name in ModelOptions' visit_fields.
constexpr std::array kModels = {
    Entry{"resnet8", &resnet8},
    Entry{"resnet18", &resnet18},
};

}  // namespace

std::unique_ptr<Model> build(const ModelOptions& options, Seed seed) {
  std::string known;
  for (const Entry& entry : kModels) {
    if (entry.name == options.name) {
      return entry.make(options, seed);
    }
    known += str(known.empty() ? "" : ", ", entry.name);
  }
  fail(ErrorCode::kInvalidConfig, "[models] unknown model '", options.name, "'; known: ", known);
}

}  // namespace lorae::models
