#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "adapters/policy.h"
#include "base/seed.h"

namespace lorae::adapters {

inline constexpr std::string_view kExtractorSuffix = ".extractor";
inline constexpr std::string_view kMapperSuffix = ".mapper";
inline constexpr std::string_view kCoreSuffix = ".core";
inline constexpr std::string_view kBasisSuffix = ".basis";

/// What a layer saw, if somebody asked.
struct LayerTrace {
  std::int64_t positions = 0;                  ///< outputs per channel, all calls together
  std::int64_t inputs = 0;                     ///< numbers, all calls together
  std::vector<std::int64_t> input_shape = {};  ///< of the first call
  double seconds = 0;

  void add(const at::Tensor& input, const at::Tensor& output, double took);
};

/// The frozen weight of a convolution or linear layer that can carry one LoRAE adapter.
///
/// Tensors: `weight` [Cout, Cin / groups, k, k] or [out, in]; with an adapter of rank r
/// `extractor` [groups * r, Cin / groups, k, k] or [r, in] (A) and `mapper` [Cout, r, 1, 1] or
/// [out, r] (B).
/// Formula: W_eff = weight + scaling * B A, with A and B as matrices, group by group.
/// Threads: none; one model instance per thread.
struct AdaptedWeight {
  at::Tensor weight;
  at::Tensor extractor;     ///< undefined without an adapter
  at::Tensor mapper;        ///< undefined without an adapter
  at::Tensor core;          ///< [r, r]; undefined unless the mapper is made of it: basis core
  at::Tensor basis;         ///< [Cout, r], its columns orthonormal; undefined without a core
  at::Tensor plain_weight;  ///< the backbone's, while `weight` holds the fused one
  /// What a folded norm multiplied each output by, [Cout]: the adapter's share needs it, too.
  /// Undefined if nothing is folded in.
  at::Tensor output_scale;
  std::int64_t groups = 1;
  double scaling = 1.0;
  double alpha = 0;             ///< what `scaling` was made from
  LayerTrace* trace = nullptr;  ///< filled by every forward, if set

  bool has_adapter() const { return extractor.defined(); }
  bool is_fused() const { return plain_weight.defined(); }
  /// Of each group. Precondition: has_adapter().
  std::int64_t rank() const { return extractor.size(0) / groups; }

  /// Adds an adapter that changes nothing yet: the mapper is zero, the extractor as
  /// `adapter.init` says, from `seed` (adapters/starts.h), but for its residual filters, which are
  /// zero.
  /// Errors: kInvalidArgument if the rank is not positive.
  void attach(const LayerAdapter& adapter, Seed seed);
  /// With scaling alpha / rank and Kaiming's start.
  void attach(std::int64_t rank, double alpha, Seed seed);

  /// Makes the mapper one of a core of zeros, in a basis of orthonormal columns that is drawn from
  /// `seed`, or principal to the weight; then it is what `take_core` makes it.
  /// Precondition: has_adapter(). Errors: kInvalidConfig for groups.
  void attach_core(ExtractorInit init, Seed seed);
  /// The mapper is that of the core as it is now, with its graph, if one is made. Does nothing
  /// without a core.
  void take_core();

  /// W_eff: what a plain layer needs to give the same output. Shape: as `weight`.
  at::Tensor fused_weight() const;

  /// Merges the adapter into `weight`: from now on a plain layer, whatever the adapter's tensors
  /// become. Does nothing without an adapter or if fused already.
  void fuse();
  /// Gives `weight` back as it was, bit for bit.
  void unfuse();

  /// Multiplies each output by `scale` [Cout] for good: a norm folded into the weight.
  void fold(const at::Tensor& scale);

 private:
  at::Tensor started(const LayerAdapter& adapter, Seed seed) const;
};

/// weight + factor * scale * B A, in the dtype of `weight`. `scale` [Cout] may be undefined.
/// Shapes: as in AdaptedWeight.
at::Tensor merged(const at::Tensor& weight,
                  const at::Tensor& extractor,
                  const at::Tensor& mapper,
                  double factor,
                  std::int64_t groups,
                  const at::Tensor& scale = {});

/// The mapper of a core. Shapes: as in AdaptedWeight; `dimensions`: of the mapper, 2 or 4.
at::Tensor mapper_of(const at::Tensor& basis, const at::Tensor& core, std::int64_t dimensions);

/// The mapper as a matrix with all that its outputs are multiplied by; no graph is made.
/// Formula: factor * scale * B. Shapes: mapper [Cout, r, ...] in, [Cout, r] out; `scale` [Cout] may
/// be undefined.
at::Tensor scaled_mapper(const at::Tensor& mapper, double factor, const at::Tensor& scale);

}  // namespace lorae::adapters
