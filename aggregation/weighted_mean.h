#pragma once

#include <cstdint>
#include <vector>

#include "aggregation/exact_sum.h"
#include "tensors/state_dict.h"

namespace lorae::aggregation {

/// FedAvg's mean of client deltas. Over LoRAE factors it is FedIT: the mean of the extractors and
/// the mean of the mappers, not of their products.
///
/// Streams: one accumulator of 16 bytes per number, however many clients report. Sums are exact
/// integers (ExactSum), so the mean is the same bits in every order of clients, in every tree of
/// partial means, and wherever the deltas lie: those in a CUDA device's memory are added there.
/// Formula: sum_k n_k * delta_k / sum_k n_k, n_k the client's num_examples.
/// Threads: none; each thread has a part of its own, `merge` joins them. CUDA work is on the
/// default stream of one device.
/// Source: McMahan et al. 2017 (arXiv:1602.05629), Algorithm 1; FedIT: Zhang et al. 2023
/// (arXiv:2305.05644). docs/algorithms.md discusses the covariance error of the factors.
class WeightedMean {
 public:
  /// Shape: float32, all deltas aligned.
  /// Errors: kInvalidArgument if num_examples is not 1 to 2^40, or after 16,383 updates;
  /// kIncompatible if not aligned, not float32 or on a second CUDA device; kCorruptData, naming the
  /// tensor, if a number is NaN or Inf, or if num_examples times it is not below 2^29 in size. Then
  /// the sum is as it was before.
  void add(const StateDict& delta, std::int64_t num_examples);

  /// Adds what `part` has added. Errors: kIncompatible if not aligned; kInvalidArgument for more
  /// than 16,383 updates together.
  void merge(const WeightedMean& part);

  /// The mean as float64 tensors in host memory; the object is then empty. Errors:
  /// kInvalidArgument if nothing was added.
  StateDict finish();

  std::int64_t updates() const { return updates_; }
  /// Of these, how many a CUDA kernel added, at least in part.
  std::int64_t cuda_updates() const { return cuda_updates_; }

 private:
  /// One tensor's sum, where its deltas are.
  struct Sum {
    ExactSum host;
    at::Tensor device;  // [2, numel], int64: both planes; undefined before a delta comes there
  };

  void start(const StateDict& like);
  std::vector<at::Tensor> values_of(const StateDict& delta);
  std::size_t first_refused_on_device(const std::vector<at::Tensor>& values, std::uint64_t weight);
  std::size_t first_refused_on_host(const std::vector<at::Tensor>& values, std::uint64_t weight);
  void add_on_device(const std::vector<at::Tensor>& values, std::uint64_t weight);

  StateDict like_;         // names and shapes, without memory of its own
  std::vector<Sum> sums_;  // in the order of like_
  at::Tensor refusal_;  // one int32 on the device of the deltas there; undefined before one comes
  std::uint64_t weight_ = 0;
  std::int64_t updates_ = 0;
  std::int64_t cuda_updates_ = 0;
};

}  // namespace lorae::aggregation
