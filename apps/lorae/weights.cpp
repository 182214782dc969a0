#include <fmt/core.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/lorae/model_commands.h"
#include "base/error.h"
#include "models/weights.h"
#include "tensors/safetensors.h"
#include "tensors/torch.h"

namespace lorae::apps {
namespace {

using nlohmann::json;

c10::ScalarType type_of(const std::string& name) {
  return name == "float16" ? c10::kHalf : name == "bfloat16" ? c10::kBFloat16 : c10::kFloat;
}

/// Floating-point tensors in `type`; the others as they are.
StateDict converted(const std::vector<StateDict::Entry>& entries, c10::ScalarType type) {
  std::vector<StateDict::Entry> all;
  for (const auto& [name, tensor] : entries) {
    all.emplace_back(name, (tensor.is_floating_point() ? tensor.to(type) : tensor).contiguous());
  }
  return StateDict(std::move(all));
}

void print_names(const char* title, const std::vector<std::string>& lines) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    fmt::print("{:12} {}\n", i == 0 ? title : "", lines[i]);
  }
}

void print_load(const models::PartialLoad& load) {
  fmt::print("taken        {} tensors{}\n", load.taken,
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
  const SafetensorsFile file = load_safetensors(path);
  json tensors = json::array();
  std::size_t bytes = 0;
  for (const auto& [name, tensor] : file.state) {
    bytes += tensor.nbytes();
    tensors.push_back({{"name", name},
                       {"dtype", safetensors_dtype(tensor.scalar_type())},
                       {"shape", tensor.sizes().vec()}});
  }
  const std::string digest = digest_of(file.state).hex();
  if (as_json) {
    fmt::print("{}\n", json{{"tensors", tensors},
                            {"metadata", file.metadata},
                            {"numbers", file.state.numel()},
                            {"bytes", bytes},
                            {"digest", digest}}
                           .dump());
    return;
  }
  for (const json& tensor : tensors) {
    fmt::print("{:52} {:5} {}\n", tensor["name"].get<std::string>(),
               tensor["dtype"].get<std::string>(), tensor["shape"].dump());
  }
  for (const auto& [key, value] : file.metadata) {
    fmt::print("metadata {}: {}\n", key, value);
  }
  fmt::print("\n{} tensors, {} numbers, {} bytes\ndigest {}\n", file.state.size(),
             file.state.numel(), bytes, digest);
}

void convert_weights(const ConvertOptions& options) {
  const torch::NoGradGuard no_grad;
  const StateDict given = load_safetensors(options.input).state;
  const c10::ScalarType type = type_of(options.dtype);
  if (options.model.name.empty()) {
    save_safetensors(options.output, converted({given.begin(), given.end()}, type));
    fmt::print("wrote        {}, {} tensors\n", options.output.string(), given.size());
    return;
  }
  const auto model = build(options.model, Seed{options.seed});
  print_load(models::load_matching(*model, given));
  std::vector<StateDict::Entry> entries;
  for (const models::NamedTensor& entry : model->state()) {
    entries.emplace_back(entry.name, entry.tensor);
  }
  save_safetensors(options.output, converted(entries, type));
  fmt::print("wrote        {}, {} tensors\n", options.output.string(), entries.size());
}

bool diff_weights(const std::filesystem::path& first,
                  const std::filesystem::path& second,
                  double tolerance) {
  const StateDict a = load_safetensors(first).state, b = load_safetensors(second).state;
  std::size_t differences = 0;
  for (const auto& [name, tensor] : a) {
    const at::Tensor* other = b.find(name);
    const std::string text =
        other == nullptr ? "only in " + first.string() : difference(tensor, *other, tolerance);
    if (!text.empty()) {
      fmt::print("{:52} {}\n", name, text);
      ++differences;
    }
  }
  for (const auto& [name, tensor] : b) {
    if (a.find(name) == nullptr) {
      fmt::print("{:52} only in {}\n", name, second.string());
      ++differences;
    }
  }
  fmt::print("{} of {} tensors differ\n", differences, std::max(a.size(), b.size()));
  return differences == 0;
}

}  // namespace lorae::apps
