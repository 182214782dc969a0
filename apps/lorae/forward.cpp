#include "adapters/adapter_file.h"
#include "apps/lorae/model_commands.h"
#include "base/error.h"
#include "models/weights.h"
#include "tensors/device.h"
#include "tensors/safetensors.h"
#include "tensors/torch.h"

namespace lorae::apps {
namespace {

at::Tensor read_input(const std::filesystem::path& path, std::int64_t channels) {
  const SafetensorsFile file = load_safetensors(path);
  const at::Tensor* input = file.state.find("input");
  check(input != nullptr, ErrorCode::kInvalidConfig, "[forward] '", path.string(),
        "' has no tensor named 'input'");
  check(input->dim() == 4 && input->size(1) == channels && input->is_floating_point(),
        ErrorCode::kInvalidConfig, "[forward] 'input': expected floats of shape [N, ", channels,
        ", H, W], got ", lorae::str(input->scalar_type(), ' ', input->sizes()));
  return *input;
}

}  // namespace

void run_forward(const ForwardOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto model = build(options.model, std::nullopt);
  models::load_weights(*model, map_safetensors(options.weights).state);
  if (!options.adapter.empty()) {
    models::apply_adapter(*model, adapters::load_adapter(options.adapter));
  }
  const c10::ScalarType type = options.float64 ? c10::kDouble : c10::kFloat;
  const at::Device device = device_named(options.device);
  model->to(type);  // before merging, which rounds in the type of the computation
  model->to(device);
  if (options.fused) {
    model->fuse();
  }
  std::vector<StateDict::Entry> written;
  if (options.intermediate) {
    model->network().observer = [&](const std::string& layer, const at::Tensor& value) {
      written.emplace_back(layer, value.clone());  // what follows may be in place
    };
  }
  const auto outputs = model->predict(
      read_input(options.input, options.model.channels).to(at::TensorOptions(device).dtype(type)));
  if (outputs.size() == 1) {
    written.emplace_back("output", outputs[0].value.contiguous());
  } else {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      written.emplace_back(str("output.", i), outputs[i].value.contiguous());
      written.emplace_back(outputs[i].name, outputs[i].value.clone());
    }
  }
  save_safetensors(options.output, StateDict(std::move(written)), {}, Numbers::kAny);
}

}  // namespace lorae::apps
