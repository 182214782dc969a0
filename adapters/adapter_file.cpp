#include "adapters/adapter_file.h"

#include "adapters/adapted_weight.h"
#include "base/error.h"
#include "tensors/safetensors.h"
#include "tensors/torch.h"

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
  Adapter adapter = load_adapter_as_kept(path);
  std::vector<StateDict::Entry> entries;
  for (const StateDict::Entry& entry : adapter.state) {
    if (entry.first.ends_with(kBasisSuffix)) {
      continue;
    }
    if (!entry.first.ends_with(kCoreSuffix)) {
      entries.push_back(entry);
      continue;
    }
    const std::string layer = entry.first.substr(0, entry.first.size() - kCoreSuffix.size());
    const auto part = [&](std::string_view suffix) {
      return adapter.state.find(layer + std::string(suffix));
    };
    const at::Tensor& core = entry.second;
    const at::Tensor *basis = part(kBasisSuffix), *extractor = part(kExtractorSuffix);
    check(basis != nullptr && extractor != nullptr && core.dim() == 2 && basis->dim() == 2 &&
              basis->size(1) == core.size(0) && extractor->dim() >= 2,
          ErrorCode::kCorruptData, "[adapter] '", path.string(), "': '", entry.first,
          "' has no basis and extractor of its shape");
    entries.emplace_back(layer + std::string(kMapperSuffix),
                         mapper_of(*basis, core, extractor->dim()));
  }
  adapter.state = StateDict(std::move(entries));
  return adapter;
}

Adapter load_adapter_as_kept(const std::filesystem::path& path) {
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
