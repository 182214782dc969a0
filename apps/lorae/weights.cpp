#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "apps/common/output.h"
#include "apps/common/table.h"
#include "apps/lorae/model_commands.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/text.h"
#include "models/weights.h"
#include "tensors/finite.h"
#include "tensors/safetensors.h"
#include "tensors/torch.h"

namespace lorae::apps {
namespace {

using nlohmann::json;

c10::ScalarType type_of(const std::string& name) {
  return name == "float16" ? c10::kHalf : name == "bfloat16" ? c10::kBFloat16 : c10::kFloat;
}

StateDict all_converted(const std::vector<StateDict::Entry>& entries, c10::ScalarType type) {
  std::vector<StateDict::Entry> all;
  for (const auto& [name, tensor] : entries) {
    all.emplace_back(name, converted("weights", name, tensor, type));
  }
  return StateDict(std::move(all));
}

void print_names(const char* title, const std::vector<std::string>& lines) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    say("{:12} {}\n", i == 0 ? title : "", printable(lines[i]));
  }
}

void print_load(const models::PartialLoad& load) {
  say("taken        {} tensors{}\n", load.taken,
      load.renaming.empty() ? "" : ", renamed by " + load.renaming);
  std::vector<std::string> initialised;
  for (const auto& [name, reason] : load.initialised) {
    initialised.push_back(name + ": " + reason);
  }
  print_names("initialised", initialised);
  print_names("unused", load.unused);
}

/// How two tensors of one name differ; empty if they do not.
std::string difference(const at::Tensor& a, const at::Tensor& b, double tolerance) {
  if (a.sizes() != b.sizes()) {
    return lorae::str("shape ", a.sizes(), " against ", b.sizes());
  }
  const double largest =
      a.numel() == 0 ? 0 : (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
  if (largest > tolerance || std::isnan(largest)) {
    return lorae::str("differs by up to ", largest);
  }
  return a.scalar_type() == b.scalar_type()
             ? ""
             : lorae::str("dtype ", a.scalar_type(), " against ", b.scalar_type());
}

}  // namespace

void inspect_weights(const std::filesystem::path& path, bool as_json) {
  const Bytes file = read_file(path);
  const SafetensorsHeader header = load_safetensors_header(path, file);
  json tensors = json::array();
  Table table("lll", {"tensor", "dtype", "shape"});
  std::size_t bytes = 0, unknown = 0;
  std::int64_t numbers = 0;
  for (const SafetensorsEntry& entry : header.entries) {
    bytes += entry.end - entry.begin;
    unknown += entry.unknown.empty() ? 0 : 1;
    numbers += std::accumulate(entry.shape.begin(), entry.shape.end(), std::int64_t{1},
                               std::multiplies<>());
    const json shape = entry.shape;
    tensors.push_back({{"name", entry.name}, {"dtype", entry.dtype_name()}, {"shape", shape}});
    table.row(entry.name, entry.dtype_name(), shape.dump());
  }
  // A digest is of tensors, and of those whose type is unknown we have none.
  const auto digest =
      unknown > 0 ? std::nullopt : std::optional(digest_of(safetensors_unpack(file)->state).hex());
  if (as_json) {
    say("{}\n", json_line(json{{"tensors", tensors},
                               {"metadata", header.metadata},
                               {"numbers", numbers},
                               {"bytes", bytes},
                               {"digest", digest ? json(*digest) : json()}}));
    return;
  }
  table.print();
  for (const auto& [key, value] : header.metadata) {
    say("metadata {}: {}\n", printable(key), printable(value));
  }
  say("\n{} tensors, {} numbers, {} bytes\ndigest {}\n", header.entries.size(), numbers, bytes,
      digest.value_or(fmt::format("none: the dtypes of {} tensors are unknown here", unknown)));
}

void convert_weights(const ConvertOptions& options) {
  const torch::NoGradGuard no_grad;
  const StateDict given = load_safetensors(options.input).state;
  const c10::ScalarType type = type_of(options.dtype);
  if (options.model.name.empty()) {
    save_safetensors(options.output, all_converted({given.begin(), given.end()}, type));
    say("wrote        {}, {} tensors\n", options.output.string(), given.size());
    return;
  }
  const auto model = build(options.model, Seed{options.seed});
  print_load(models::load_matching(*model, given));
  std::vector<StateDict::Entry> entries;
  for (const models::NamedTensor& entry : model->state()) {
    entries.emplace_back(entry.name, entry.tensor);
  }
  save_safetensors(options.output, all_converted(entries, type));
  say("wrote        {}, {} tensors\n", options.output.string(), entries.size());
}

bool diff_weights(const std::filesystem::path& first,
                  const std::filesystem::path& second,
                  double tolerance) {
  check(std::isfinite(tolerance), ErrorCode::kInvalidConfig,
        "[weights] --tolerance: expected a number, got ", tolerance);
  const StateDict a = load_safetensors(first).state, b = load_safetensors(second).state;
  Table differences("ll", {});
  for (const auto& [name, tensor] : a) {
    const at::Tensor* other = b.find(name);
    const std::string text =
        other == nullptr ? "only in " + first.string() : difference(tensor, *other, tolerance);
    if (!text.empty()) {
      differences.row(name, text);
    }
  }
  for (const auto& [name, tensor] : b) {
    if (a.find(name) == nullptr) {
      differences.row(name, "only in " + second.string());
    }
  }
  differences.print();
  say("{} of {} tensors differ\n", differences.rows(), std::max(a.size(), b.size()));
  return differences.rows() == 0;
}

}  // namespace lorae::apps
