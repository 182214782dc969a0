#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/seed.h"

namespace lorae::data {

/// Indices of images, client by client: every index in exactly one share, sorted inside it.
using Shares = std::vector<std::vector<std::int64_t>>;

/// No client of partition_dirichlet gets fewer images than this, unless it is told otherwise.
inline constexpr std::int64_t kMinShareImages = 10;

/// Deals n images at random; the sizes of two shares differ by one at most.
/// Errors: kInvalidConfig unless 1 <= shares <= n.
Shares partition_iid(std::int64_t n, std::int64_t shares, Seed seed);

/// Deals images so that clients differ in their classes: small `alpha`, few classes per client;
/// large `alpha`, all clients alike. Sizes differ too.
/// Formula: for each class k draw p_k ~ Dirichlet(alpha) over the clients; client j gets the
///          fraction p_kj of the images of class k. All is drawn again, up to 1000 times (fewer for
///          thousands of shares), until each client has `min_images`.
/// Errors: kInvalidConfig, naming alpha and shares, if `alpha` is outside [0.01, 1e6], if there are
///         too few images, or if no draw was accepted; kInvalidArgument if a label is no class.
/// Source: Yurochkin et al. 2019 (arXiv:1905.12022), Li et al. 2021 "Federated Learning on Non-IID
///         Data Silos" (arXiv:2102.02079), section 4.1. Their codes also stop giving to a client
///         that has n / shares images; we follow the papers' text and do not.
Shares partition_dirichlet(const std::vector<std::int64_t>& labels,
                           std::int64_t classes,
                           std::int64_t shares,
                           double alpha,
                           Seed seed,
                           std::int64_t min_images = kMinShareImages);

/// Deals shares whose sizes differ by one at most and whose classes differ: for any number of
/// clients.
/// Formula: client j draws q_j ~ Dirichlet(alpha p), p the classes' fractions of all images, then
///          its images one by one, each of a class drawn from q_j among those that have some left.
/// Errors: kInvalidConfig if `alpha` is outside [0.01, 1e6], or there are fewer images than shares;
///         kInvalidArgument if a label is no class.
/// Source: Hsu et al. 2019 (arXiv:1909.06335), section 3.
Shares partition_dirichlet_client(const std::vector<std::int64_t>& labels,
                                  std::int64_t classes,
                                  std::int64_t shares,
                                  double alpha,
                                  Seed seed);

/// One of `count` shares, as a client on its own machine names it.
struct SharePart {
  std::int64_t index = 0;  ///< in [0, count)
  std::int64_t count = 1;

  bool operator==(const SharePart&) const = default;
};

/// "3/20" -> {index 2, count 20}: people count from 1.
/// Errors: kInvalidConfig unless the text is K/N with 1 <= K <= N.
SharePart parse_share(std::string_view text);

}  // namespace lorae::data
