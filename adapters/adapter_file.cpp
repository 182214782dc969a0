#include "adapters/adapter_file.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "tensors/safetensors.h"

namespace lorae::adapters {
namespace {

using nlohmann::json;

constexpr const char* kMetadataKey = "lorae";
constexpr int kFormatVersion = 1;

json to_json(const AdapterInfo& info) {
  return {{"version", kFormatVersion}, {"model", info.model},
          {"kind", info.kind},         {"classes", info.classes},
          {"rank", info.rank},         {"alpha", info.alpha},
          {"round", info.round},       {"base_digest", info.base_digest}};
}

}  // namespace

void save_adapter(const std::filesystem::path& path, const Adapter& adapter) {
  save_safetensors(path, adapter.state, {{kMetadataKey, to_json(adapter.info).dump()}});
}

Adapter load_adapter(const std::filesystem::path& path) {
  SafetensorsFile file = load_safetensors(path);
  const auto description = file.metadata.find(kMetadataKey);
  check(description != file.metadata.end(), ErrorCode::kIncompatible, "[adapter] '", path.string(),
        "' is a safetensors file without a LoRAE description; is it plain weights?");
  try {
    const json info = json::parse(description->second);
    const int version = info.at("version").get<int>();
    check(version == kFormatVersion, ErrorCode::kIncompatible, "[adapter] '", path.string(),
          "' has format version ", version, ", this build reads ", kFormatVersion);
    return {{info.at("model").get<std::string>(), info.at("kind").get<std::string>(),
             info.at("classes").get<std::int64_t>(), info.at("rank").get<std::int64_t>(),
             info.at("alpha").get<double>(), info.at("round").get<std::uint64_t>(),
             info.at("base_digest").get<std::string>()},
            std::move(file.state)};
  } catch (const json::exception& error) {
    fail(ErrorCode::kCorruptData, "[adapter] '", path.string(),
         "': bad description: ", error.what());
  }
}

void check_fits(const AdapterInfo& adapter, const AdapterInfo& wanted) {
  const auto same = [](std::string_view what, const auto& got, const auto& expected) {
    check(got == expected, ErrorCode::kIncompatible, "[adapter] made for another ", what,
          ": expected ", expected, ", got ", got);
  };
  same("model", adapter.model, wanted.model);
  same("number of classes", adapter.classes, wanted.classes);
  same("method", adapter.kind, wanted.kind);
  same("rank", adapter.rank, wanted.rank);
  same("alpha", adapter.alpha, wanted.alpha);
  same("alpha", adapter.alpha, wanted.alpha);
  same("backbone (digest)", adapter.base_digest, wanted.base_digest);
}

}  // namespace lorae::adapters
