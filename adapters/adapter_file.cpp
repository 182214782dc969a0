#include "adapters/adapter_file.h"

#include "base/error.h"
#include "tensors/safetensors.h"

namespace lorae::adapters {
namespace {

constexpr const char* kMetadataKey = "lorae";

template <typename Value>
void check_same(const std::string& what, const Value& got, const Value& expected) {
  check(got == expected, ErrorCode::kIncompatible, "[adapter] made for another ", what,
        ": expected ", expected, ", got ", got);
}

}  // namespace

void save_adapter(const std::filesystem::path& path, const Adapter& adapter) {
  Metadata metadata{{kMetadataKey, description_text(adapter.info)}};
  if (!adapter.info.about.empty()) {
    metadata.emplace(kAboutKey, adapter.info.about);
  }
  save_safetensors(path, adapter.state, metadata);
}

Adapter load_adapter(const std::filesystem::path& path) {
  SafetensorsFile file = load_safetensors(path);
  const auto description = file.metadata.find(kMetadataKey);
  check(description != file.metadata.end(), ErrorCode::kIncompatible, "[adapter] '", path.string(),
        "' is a safetensors file without a LoRAE description; is it plain weights?");
  Result<AdapterInfo> info = parse_description(description->second);
  check(info.ok(), info.ok() ? ErrorCode::kCorruptData : info.error().code(), "[adapter] '",
        path.string(), "': ", info.ok() ? "" : info.error().what());
  if (const auto about = file.metadata.find(std::string(kAboutKey)); about != file.metadata.end()) {
    info->about = about->second;
  }
  return {std::move(*info), std::move(file.state)};
}

void check_fits(const AdapterInfo& adapter, const AdapterInfo& wanted) {
  check_same("model", adapter.model, wanted.model);
  check_same("number of classes", adapter.classes, wanted.classes);
  check_same("method", name_of(adapter.kind), name_of(wanted.kind));
  check_same("head policy", name_of(adapter.head), name_of(wanted.head));
  check_same("norm policy", name_of(adapter.norm), name_of(wanted.norm));
  check_same("number of adapted layers", adapter.layers.size(), wanted.layers.size());
  for (std::size_t i = 0; i < wanted.layers.size(); ++i) {
    const LayerDescription& got = adapter.layers[i];
    const LayerDescription& expected = wanted.layers[i];
    check_same("layer", got.name, expected.name);
    check_same("rank of " + expected.name, got.rank, expected.rank);
    check_same("alpha of " + expected.name, got.alpha, expected.alpha);
    check_same("scaling of " + expected.name, got.scaling, expected.scaling);
    check(got == expected, ErrorCode::kIncompatible, "[adapter] made for another geometry of ",
          expected.name);
  }
  check_same("backbone (digest)", adapter.base_digest, wanted.base_digest);
}

}  // namespace lorae::adapters
