#pragma once

#include "aggregation/rules/kept_updates.h"

namespace lorae::aggregation {

/// What rules over products share: they look at the base, and keep the factors of a round.
class OverProducts : public Aggregator {
 public:
  void begin(const StateDict& base) override { kept_.begin(base); }
  void add(const ClientUpdate& update) override { kept_.add(update); }
  bool merge(const Aggregator& part) override {
    kept_.merge(dynamic_cast<const OverProducts&>(part).kept_);
    return true;
  }

 protected:
  KeptUpdates kept_;
};

/// The mean of the clients' products B A, brought back to the adapter's rank: the nearest product
/// of that rank, in the gauge of the factors of before. What is no factor is averaged. Keeps the
/// factors of a round: clients times the adapters in memory. Its step leads all the way: a server
/// with learning rate 1 and without momentum takes it as it is.
/// Formula: low_rank.h. Source: FlexLoRA, Bai et al. 2024 (arXiv:2402.11505).
class ProductMean final : public OverProducts {
 public:
  Aggregate finish() override;
};

/// The mean of the extractors, and the mapper that brings its product nearest to the mean of the
/// clients' products, held near the mean of the mappers. Memory and step: as ProductMean.
/// Formula: B' = (M A^T + c B) (A A^T + c I)^-1 with the means A and B, M the mean of the products,
/// c a hundredth of the mean of A A^T's diagonal.
/// Source: LoRA-FAIR, Bian et al. 2025 (arXiv:2411.14961), its objective solved exactly for the
/// Frobenius norm.
class LoraFair final : public OverProducts {
 public:
  Aggregate finish() override;
};

/// Another rule, and how far its products are from the mean of the clients' products: of each layer
/// ||mean(B A) - B' A'|| / ||mean(B A)||, all together as "aggregation/product_error" and the
/// largest as "aggregation/product_error_largest". Memory: as ProductMean.
class WithProductError final : public Aggregator {
 public:
  explicit WithProductError(std::unique_ptr<Aggregator> rule) : rule_(std::move(rule)) {}

  void begin(const StateDict& base) override;
  void add(const ClientUpdate& update) override;
  bool merge(const Aggregator& part) override;
  Aggregate finish() override;

 private:
  std::unique_ptr<Aggregator> rule_;
  KeptUpdates kept_;
};

}  // namespace lorae::aggregation
