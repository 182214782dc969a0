#include "models/measure/profile.h"

#include <algorithm>
#include <chrono>

#include "tensors/device.h"
#include "tensors/torch.h"

namespace lorae::models {
namespace {

using adapters::Form;
using Clock = std::chrono::steady_clock;

constexpr int kRepeats = 3;

/// The fastest of some runs.
template <typename Run>
double seconds_of(at::Device device, Run&& run) {
  double best = 1e30;
  for (int i = -1; i < kRepeats; ++i) {  // the first one warms up
    const auto start = Clock::now();
    run();
    synchronise(device);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = i >= 0 ? std::min(best, seconds) : best;
  }
  return best;
}

/// Every form of one convolution's adapter on an input of the size that it has in the model.
std::vector<LayerProfile::FormTime> time_forms(const adapters::Conv2d& original,
                                               const std::vector<std::int64_t>& input) {
  adapters::Conv2d conv = original;
  conv.extractor = conv.extractor.detach().clone().set_requires_grad(true);
  conv.mapper = conv.mapper.detach().clone().set_requires_grad(true);
  const at::Tensor x = torch::rand(input, conv.weight.options());
  std::vector<LayerProfile::FormTime> times;
  for (const Form form : adapters::kForms) {
    conv.form = form;
    LayerProfile::FormTime time{.form = form};
    time.inference_seconds = seconds_of(x.device(), [&] {
      const torch::NoGradGuard no_grad;
      conv.forward(x, {}, {});
    });
    const at::Tensor leaf = x.clone().set_requires_grad(true);
    time.training_seconds =
        seconds_of(x.device(), [&] { conv.forward(leaf, {}, {}).sum().backward(); });
    times.push_back(time);
  }
  return times;
}

}  // namespace

std::vector<LayerProfile> profile(Model& model,
                                  const std::vector<std::int64_t>& input_shape,
                                  bool measure_forms) {
  const at::Tensor images =
      torch::zeros(input_shape, model.adaptable().front().weight->weight.options());
  std::vector<adapters::LayerTrace> traces(model.adaptable().size());
  for (std::size_t i = 0; i < traces.size(); ++i) {
    model.adaptable()[i].weight->trace = &traces[i];
  }
  {
    const torch::NoGradGuard no_grad;
    for (int i = 0; i < 2; ++i) {  // the first one warms up
      std::ranges::fill(traces, adapters::LayerTrace{});
      model.predict(images);
    }
  }
  std::vector<LayerProfile> layers;
  for (std::size_t i = 0; i < traces.size(); ++i) {
    const auto& [shape, host] = model.adaptable()[i];
    host->trace = nullptr;
    const std::int64_t rank = host->has_adapter() && !host->is_fused() ? host->rank() : 0;
    const std::int64_t outputs = traces[i].positions * shape.out;
    layers.push_back(
        {.shape = shape,
         .positions = traces[i].positions,
         .macs = traces[i].positions * host->weight.numel(),
         .adapter_macs = traces[i].positions * rank * (shape.in * shape.area() + shape.out),
         .bytes = static_cast<std::int64_t>(sizeof(float)) *
                  (host->weight.numel() + traces[i].inputs + outputs),
         .forward_seconds = traces[i].seconds});
    LayerProfile& layer = layers.back();
    const auto form = [&](bool training) {
      return adapters::cheapest_form(shape, layer.positions, training, images.device().type());
    };
    layer.inference_form = form(/*training=*/false);
    layer.training_form = form(/*training=*/true);
  }
  for (const auto& [name, conv] : model.convolutions()) {
    const auto layer =
        std::ranges::find(layers, name, [](const LayerProfile& one) { return one.shape.name; });
    const auto& trace = traces[static_cast<std::size_t>(layer - layers.begin())];
    if (measure_forms && conv->has_adapter() && !conv->is_fused() && trace.positions > 0) {
      layer->forms = time_forms(*conv, trace.input_shape);
    }
  }
  return layers;
}

}  // namespace lorae::models
