#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/common/output.h"
#include "apps/common/table.h"
#include "apps/lorae/model_commands.h"
#include "models/measure/profile.h"
#include "tensors/device.h"
#include "tensors/threads.h"

namespace lorae::apps {
namespace {

using models::LayerProfile;
using nlohmann::json;

std::string form_name(adapters::Form form) {
  return std::string(name_of(form));
}

json to_json(const LayerProfile& layer) {
  json forms = json::object();
  for (const LayerProfile::FormTime& time : layer.forms) {
    forms[form_name(time.form)] = {{"inference_ms", 1e3 * time.inference_seconds},
                                   {"training_ms", 1e3 * time.training_seconds}};
  }
  return {{"name", layer.shape.name},
          {"positions", layer.positions},
          {"macs", layer.macs},
          {"adapter_macs", layer.adapter_macs},
          {"bytes", layer.bytes},
          {"forward_ms", 1e3 * layer.forward_seconds},
          {"inference_form", form_name(layer.inference_form)},
          {"training_form", form_name(layer.training_form)},
          {"forms", forms}};
}

void print_table(const std::vector<LayerProfile>& layers) {
  const bool forms =
      std::ranges::any_of(layers, [](const auto& one) { return !one.forms.empty(); });
  Table table("lrrrrrlll", {"layer", "outputs", "MACs", "adapter", "bytes", "ms", "infer", "train",
                            forms ? "forms" : ""});
  LayerProfile sum;
  for (const LayerProfile& layer : layers) {
    const bool adapted = layer.adapter_macs > 0;
    std::string times;
    for (const LayerProfile::FormTime& time : layer.forms) {
      times += fmt::format("{}{} {:.3f}/{:.3f}", times.empty() ? "" : "  ", form_name(time.form),
                           1e3 * time.inference_seconds, 1e3 * time.training_seconds);
    }
    table.row(layer.shape.name, layer.positions, layer.macs, layer.adapter_macs, layer.bytes,
              fmt::format("{:.3f}", 1e3 * layer.forward_seconds),
              adapted ? form_name(layer.inference_form) : "",
              adapted ? form_name(layer.training_form) : "", times);
    sum.macs += layer.macs;
    sum.adapter_macs += layer.adapter_macs;
    sum.bytes += layer.bytes;
    sum.forward_seconds += layer.forward_seconds;
  }
  table.print();
  say("\nMACs      {:14}\nadapters  {:14}  as side branches\nbytes     {:14}\n"
      "time      {:14.1f} ms in these layers\n",
      sum.macs, sum.adapter_macs, sum.bytes, 1e3 * sum.forward_seconds);
}

}  // namespace

void print_profile(const ProfileOptions& options) {
  use_one_thread();
  const auto model = build(options.model, Seed{1});
  model->attach_adapters(options.lorae, Seed{2});
  model->fold_norms();
  model->to(device_named(options.device));
  const auto layers = models::profile(
      *model, {options.batch, options.model.channels, options.side, options.side}, options.forms);
  if (options.as_json) {
    json all = json::array();
    for (const LayerProfile& layer : layers) {
      all.push_back(to_json(layer));
    }
    say("{}\n", json_line(all));
  } else {
    print_table(layers);
  }
}

}  // namespace lorae::apps
