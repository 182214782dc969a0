#pragma once

#include "models/model.h"

namespace lorae::models {

/// What one layer costs for one batch, computed and measured.
struct LayerProfile {
  adapters::LayerShape shape;
  std::int64_t positions = 0;     ///< outputs per channel: N * H' * W'
  std::int64_t macs = 0;          ///< multiplications of the plain layer
  std::int64_t adapter_macs = 0;  ///< of extractor and mapper as a side branch; 0 without adapter
  std::int64_t bytes = 0;         ///< weights read, activations read and written
  double forward_seconds = 0;     ///< of the layer in the model's inference, as it stands

  /// Forms of the adapter, alone on inputs of this layer's size.
  struct FormTime {
    adapters::Form form;
    double inference_seconds = 0;
    double training_seconds = 0;  ///< forward and backward
  };
  std::vector<FormTime> forms = {};  ///< empty for layers without adapter, or if not asked for
  adapters::Form inference_form = adapters::Form::kMerged;  ///< what the cost model chooses
  adapters::Form training_form = adapters::Form::kMerged;
};

/// Runs an inference forward of `model` on zeros of this shape and looks at every convolution and
/// linear layer, in state-dict order. `measure_forms`: also times each adapter's forms.
/// Layers that inference does not reach have no positions.
std::vector<LayerProfile> profile(Model& model,
                                  const std::vector<std::int64_t>& input_shape,
                                  bool measure_forms);

}  // namespace lorae::models
