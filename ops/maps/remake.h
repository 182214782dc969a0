#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

/// Cheap operations whose results a training step need not keep: who wants them in the backward
/// pass makes them again from what convolutions gave, which is kept for SiLU's own gradient anyway.
/// So each convolution costs the memory of one map, not of two or three.
///
/// The functions act as LibTorch's of the same name; without a gradient to compute they are those.
/// Memory is freed as the backward pass goes; it runs once per forward pass.
/// Errors: kInvalidArgument on a second backward pass, or where a map was changed in place since.
/// Threads: none.
namespace lorae::ops {

/// Shape: [N, C, H, W], as all here.
at::Tensor silu(const at::Tensor& z);
/// Joined along the channels.
at::Tensor cat(const std::vector<at::Tensor>& parts);
/// The first and the second half of the channels. Precondition: an even number of them.
std::vector<at::Tensor> halves(const at::Tensor& x);

/// Channels [first, first + channels) of a kept map, through SiLU or as they are.
struct Source {
  at::Tensor map;  ///< [N, C', H, W], contiguous, without a graph
  std::int64_t channels = 0;
  std::int64_t first = 0;
  bool silu = false;
  std::int64_t version = 0;  ///< of `map` when it was noted
};

/// The map of a source. Errors: kInvalidArgument if it was changed since it was noted.
const at::Tensor& unchanged_map(const Source& source);

/// What a map is made of, channel by channel.
using Sources = std::vector<Source>;

/// By the operations above that made `x`; `x` itself where others did.
Sources sources_of(const at::Tensor& x);

/// The map itself, as the forward pass had it: float32 bit for bit, float64 up to rounding.
at::Tensor remake(const Sources& sources);

}  // namespace lorae::ops
