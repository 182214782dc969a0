#pragma once

#include <cstdint>

#include "tensors/state_dict.h"

namespace lorae::aggregation {

/// FedAvg's mean of client deltas. Over LoRAE factors it is FedIT: the mean of the extractors and
/// the mean of the mappers, not of their products.
///
/// Streams: one model-sized accumulator in double, however many clients report. The coordinator
/// adds in ascending client order, so results repeat bit for bit.
/// Formula: sum_k n_k * delta_k / sum_k n_k, n_k the client's num_examples.
/// Threads: none.
/// Source: McMahan et al. 2017 (arXiv:1602.05629), Algorithm 1; FedIT: Zhang et al. 2023
///         (arXiv:2305.05644). docs/algorithms.md discusses the covariance error of the factors.
class WeightedMean {
 public:
  /// Shape: float32, all deltas aligned.
  /// Errors: kInvalidArgument if num_examples is not positive; kIncompatible if not aligned.
  void add(const StateDict& delta, std::int64_t num_examples);

  /// The mean as float64 tensors; the object is then empty. Errors: kInvalidArgument if nothing
  /// was added.
  StateDict finish();

 private:
  StateDict sum_;
  std::int64_t total_examples_ = 0;
};

}  // namespace lorae::aggregation
