#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/named.h"
#include "data/dataset.h"
#include "data/partition.h"

namespace lorae::data {

/// How a set is dealt to clients. The class of a picture is the one that it shows most; pictures
/// that show nothing are a class of their own.
enum class Deal {
  kIid,               ///< partition_iid
  kDirichlet,         ///< partition_dirichlet over the pictures' classes
  kDirichletClient,   ///< partition_dirichlet_client over the same
  kDirichletObjects,  ///< as kDirichlet, of objects: a client's part of a class counts its objects
  kObjectSize,  ///< by the mean size of a picture's objects: small ones here, large ones there
  kMaskArea,    ///< by how much of a picture objects or masks cover
  kQuantity,    ///< clients differ in how many pictures they have alone
  kShards,      ///< sorted by class, cut into `shards` pieces for each client
  kDomain,      ///< by Dataset::domain: no client has two while there are enough clients
};

struct DealOptions {
  Deal rule = Deal::kIid;
  double alpha = 0.3;                         ///< of Dirichlet's distributions
  std::int64_t min_images = kMinShareImages;  ///< kDirichlet, kQuantity
  std::int64_t shards = 2;                    ///< kShards: pieces for each client
};

/// Deals all pictures of `set`. Depends on labels, objects, domains and the seed alone.
/// Formula: kDirichletObjects: client j wants p_jk of the objects of class k, p_k ~
///          Dirichlet(alpha); pictures go one after the other, in random order, to the client that
///          wants the most of what they show. kQuantity: sizes are Dirichlet(alpha) parts of all.
///          kObjectSize, kMaskArea: sorted, in runs of equal length. kDomain: the largest domain
///          first, to the client that has the fewest pictures; with more clients than domains each
///          domain is split among clients of its own, in proportion to its size.
/// Errors: kInvalidConfig if there are fewer pictures than shares, or the set has none of what the
///         rule goes by.
/// Source: McMahan et al. 2017 (arXiv:1602.05629), section 3, for kShards; Li et al. 2021
///         (arXiv:2102.02079), section 4, for quantity skew.
Shares deal(const Dataset& set, const DealOptions& options, std::int64_t shares, Seed seed);

/// How many of each class a client has: objects, or pictures of a set without. Shape: one entry for
/// each class.
std::vector<std::int64_t> class_counts(const Dataset& set, const std::vector<std::int64_t>& share);

}  // namespace lorae::data

namespace lorae {
template <>
inline constexpr std::array<std::string_view, 9> kNames<data::Deal> = {
    "iid",         "dirichlet", "dirichlet_client", "dirichlet_objects",
    "object_size", "mask_area", "quantity",         "shards",
    "domain"};
}  // namespace lorae
