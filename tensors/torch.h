#pragma once

// The one door to LibTorch's front end. Only .cpp files include this header (12 s of CPU without
// the shared precompiled header); headers that hold tensors include <ATen/core/Tensor.h>.
#include <torch/torch.h>
