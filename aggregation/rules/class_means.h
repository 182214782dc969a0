#pragma once

#include <string>

#include "aggregation/aggregator.h"
#include "aggregation/weighted_mean.h"

namespace lorae::aggregation {

/// The tensors of a linear head: [classes, features], and [classes].
struct HeadNames {
  std::string weight, bias;
};

/// Starts the head of a classifier from class means. An update is of class sums, in the head's
/// shape: in the row of a class the sum of its images' features, in the bias how many there are,
/// both over all images of the client; zeros elsewhere. It counts by its images, whatever weights
/// clients have. The step leads to the head that takes the nearest class mean; nowhere if no two
/// classes were seen.
///
/// Formula: m_c the mean feature of class c, m that of all images, u the mean over classes of
/// |m_c - m|^2, s = kSharpness / u: weight_c = s (m_c - m), bias_c = -s ((m_c - m) m +
/// |m_c - m|^2 / 2), so that logits are -s |f - m_c|^2 / 2 but for what all classes share. s is
/// less where else a weight were beyond kMostGrowth times the largest there was, or a bias beyond
/// kMostBias: a head that goes on learning, and a lattice (codec/lattice.h) reaches no further. A
/// class that nobody has: weight 0, and the lowest logit that any class has for the mean image.
/// Source: a nearest mean as a linear head: Snell et al. 2017 (arXiv:1703.05175), 2.4; over clients
/// before training begins: FedNCM, Legate et al. 2023 (arXiv:2306.03937), there of length 1.
class ClassMeans final : public Aggregator {
 public:
  /// How far the logit of a class is ahead of another one's at its mean, on average.
  static constexpr double kSharpness = 4;
  static constexpr double kMostGrowth = 4;   ///< times
  static constexpr double kMostOfZeros = 1;  ///< of a head whose weights are all 0
  static constexpr double kMostBias = 16;

  explicit ClassMeans(HeadNames head) : head_(std::move(head)) {}

  void begin(const StateDict& base) override { base_ = base; }
  /// Errors: kCorruptData, too, for what cannot be class sums: a change elsewhere, or fewer images
  /// than none; who does not know of them trains instead.
  void add(const ClientUpdate& update) override;
  bool merge(const Aggregator& part) override;
  Aggregate finish() override;

 private:
  HeadNames head_;
  StateDict base_;
  WeightedMean sums_;
};

}  // namespace lorae::aggregation
