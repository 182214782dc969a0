#include "data/deal.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <span>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

using Indices = std::vector<std::int64_t>;

void check_enough(std::int64_t n, std::int64_t shares) {
  check(shares >= 1 && shares <= n, ErrorCode::kInvalidConfig, "[data] cannot deal ", n,
        " images into ", shares, " shares: expected at least one image per share");
}

/// The class of each picture; those that show nothing are of one behind all others.
Indices classes_of(const Dataset& set) {
  Indices labels = labels_of(set);
  for (std::int64_t& label : labels) {
    label = label < 0 ? std::ssize(set.classes()) : label;
  }
  return labels;
}

/// One more than the set names, if there are pictures that show nothing.
std::int64_t class_count(const Indices& labels, const Dataset& set) {
  const std::int64_t named = std::ssize(set.classes());
  return named + (std::ranges::find(labels, named) == labels.end() ? 0 : 1);
}

Indices shuffled(std::int64_t n, Seed seed) {
  Indices order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  Random random = seed.random();
  random.shuffle(std::span(order));
  return order;
}

Shares sorted(Shares shares) {
  for (Indices& share : shares) {
    std::ranges::sort(share);
  }
  return shares;
}

/// Runs of `order` whose lengths differ by one at most.
Shares runs_of(const Indices& order, std::int64_t shares) {
  Shares result;
  const std::int64_t n = std::ssize(order);
  for (std::int64_t share = 0; share < shares; ++share) {
    result.emplace_back(order.begin() + n * share / shares,
                        order.begin() + n * (share + 1) / shares);
  }
  return result;
}

Shares iid(const Dataset& set, const DealOptions&, std::int64_t shares, Seed seed) {
  return partition_iid(set.size(), shares, seed);
}

Shares dirichlet(const Dataset& set, const DealOptions& options, std::int64_t shares, Seed seed) {
  const Indices labels = classes_of(set);
  return partition_dirichlet(labels, class_count(labels, set), shares, options.alpha, seed,
                             options.min_images);
}

Shares dirichlet_client(const Dataset& set,
                        const DealOptions& options,
                        std::int64_t shares,
                        Seed seed) {
  const Indices labels = classes_of(set);
  return partition_dirichlet_client(labels, class_count(labels, set), shares, options.alpha, seed);
}

/// How many objects of each class each picture shows.
std::vector<Indices> objects_of(const Dataset& set) {
  std::vector<Indices> counts;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    Indices& own = counts.emplace_back(set.classes().size(), 0);
    for (const Object& object : set.objects(i)) {
      ++own.at(static_cast<std::size_t>(object.label));
    }
  }
  return counts;
}

void check_objects(const Dataset& set, Deal rule) {
  check(set.annotation() == Annotation::kBoxes || set.annotation() == Annotation::kOutlines,
        ErrorCode::kInvalidConfig, "[data] partition '", name_of(rule),
        "' goes by objects, and the set has none; use iid, dirichlet or dirichlet_client");
}

Shares dirichlet_objects(const Dataset& set,
                         const DealOptions& options,
                         std::int64_t shares,
                         Seed seed) {
  check_objects(set, options.rule);
  const std::vector<Indices> counts = objects_of(set);
  const auto clients = static_cast<std::size_t>(shares);
  std::vector<std::vector<double>> wanted(clients, std::vector<double>(set.classes().size()));
  for (std::size_t k = 0; k < set.classes().size(); ++k) {
    double all = 0;
    for (const Indices& own : counts) {
      all += static_cast<double>(own[k]);
    }
    Random random = seed.derive("deal/objects", {}, k).random();
    const std::vector<double> parts = random.dirichlet(clients, options.alpha);
    for (std::size_t j = 0; j < clients; ++j) {
      wanted[j][k] = parts[j] * all;
    }
  }
  Shares result(clients);
  for (const std::int64_t i : shuffled(set.size(), seed.derive("deal/order"))) {
    const Indices& own = counts[static_cast<std::size_t>(i)];
    const auto wish = [&](std::size_t j) {
      double sum = 0;
      for (std::size_t k = 0; k < own.size(); ++k) {
        sum += std::min(std::max(wanted[j][k], 0.0), static_cast<double>(own[k]));
      }
      return std::pair(sum, -std::ssize(result[j]));  // of two the one that has fewer
    };
    std::size_t best = 0;
    for (std::size_t j = 1; j < clients; ++j) {
      best = wish(j) > wish(best) ? j : best;
    }
    for (std::size_t k = 0; k < own.size(); ++k) {
      wanted[best][k] -= static_cast<double>(own[k]);
    }
    result[best].push_back(i);
  }
  for (Indices& share : result) {  // nobody stays without any
    if (share.empty()) {
      Indices& most =
          *std::ranges::max_element(result, {}, [](const Indices& s) { return s.size(); });
      share.push_back(most.back());
      most.pop_back();
    }
  }
  return result;
}

/// Pictures in the order of `value`, which equal ones share at random.
template <typename Value>
Shares by_value(const Dataset& set, std::int64_t shares, Seed seed, const Value& value) {
  Indices order = shuffled(set.size(), seed.derive("deal/order"));
  std::vector<double> values(order.size());
  for (const std::int64_t i : order) {
    values[static_cast<std::size_t>(i)] = value(i);
  }
  std::ranges::stable_sort(order, {},
                           [&](std::int64_t i) { return values[static_cast<std::size_t>(i)]; });
  return runs_of(order, shares);
}

Shares object_size(const Dataset& set, const DealOptions& options, std::int64_t shares, Seed seed) {
  check_objects(set, options.rule);
  return by_value(set, shares, seed, [&](std::int64_t i) {
    const std::vector<Object> objects = set.objects(i);
    double sum = 0;
    for (const Object& object : objects) {
      sum += std::sqrt(object.box.area());
    }
    return objects.empty() ? 0.0 : sum / static_cast<double>(objects.size());
  });
}

Shares mask_area(const Dataset& set, const DealOptions& options, std::int64_t shares, Seed seed) {
  if (set.annotation() != Annotation::kMasks) {
    check_objects(set, options.rule);
  }
  return by_value(set, shares, seed, [&](std::int64_t i) {
    if (set.annotation() == Annotation::kMasks) {
      const at::Tensor mask = set.get(i).mask;
      return mask.ne(0).logical_and(mask.ne(kVoid)).to(torch::kFloat64).mean().item<double>();
    }
    double sum = 0;
    for (const Object& object : set.objects(i)) {
      sum += object.polygons.empty() ? object.box.area() : 0;
      for (const Polygon& polygon : object.polygons) {
        sum += area(polygon);
      }
    }
    return sum;
  });
}

Shares quantity(const Dataset& set, const DealOptions& options, std::int64_t shares, Seed seed) {
  const std::int64_t least = std::max<std::int64_t>(1, options.min_images);
  const std::int64_t rest = set.size() - least * shares;
  check(rest >= 0, ErrorCode::kInvalidConfig, "[data] cannot deal ", set.size(), " images into ",
        shares, " shares of at least ", least, "; lower data.min_images");
  Random random = seed.derive("deal/quantity").random();
  const std::vector<double> parts =
      random.dirichlet(static_cast<std::size_t>(shares), options.alpha);
  const Indices order = shuffled(set.size(), seed.derive("deal/order"));
  Shares result;
  double sum = 0;
  std::int64_t begin = 0;
  for (std::int64_t j = 0; j < shares; ++j) {
    sum += parts[static_cast<std::size_t>(j)];
    const auto dealt = static_cast<std::int64_t>(std::min(sum, 1.0) * static_cast<double>(rest));
    const std::int64_t end = j + 1 == shares ? set.size() : dealt + least * (j + 1);
    result.emplace_back(order.begin() + begin, order.begin() + end);
    begin = end;
  }
  return result;
}

Shares shards(const Dataset& set, const DealOptions& options, std::int64_t shares, Seed seed) {
  const std::int64_t pieces = shares * options.shards;
  check(options.shards >= 1 && pieces <= set.size(), ErrorCode::kInvalidConfig,
        "[data] cannot cut ", set.size(), " images into ", options.shards, " shards for each of ",
        shares, " clients");
  const Indices labels = classes_of(set);
  const Shares cut = by_value(set, pieces, seed, [&](std::int64_t i) {
    return static_cast<double>(labels[static_cast<std::size_t>(i)]);
  });
  Shares result(static_cast<std::size_t>(shares));
  const Indices order = shuffled(pieces, seed.derive("deal/shards"));
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Indices& piece = cut[static_cast<std::size_t>(order[i])];
    Indices& own = result[i % result.size()];
    own.insert(own.end(), piece.begin(), piece.end());
  }
  return result;
}

Shares domain(const Dataset& set, const DealOptions& options, std::int64_t shares, Seed seed) {
  std::map<std::string, Indices> by_name;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    by_name[set.domain(i)].push_back(i);
  }
  check(by_name.size() > 1, ErrorCode::kInvalidConfig, "[data] partition '", name_of(options.rule),
        "': the set knows no domains (folders of pictures, sites, years, names before .rf.)");
  std::vector<Indices> domains;
  for (auto& [name, images] : by_name) {
    domains.push_back(std::move(images));
  }
  std::ranges::stable_sort(domains, std::greater{}, [](const Indices& d) { return d.size(); });
  // The domain whose clients have the most pictures each gets the next client.
  std::vector<std::int64_t> clients(domains.size(), 1);
  for (std::int64_t left = shares - std::ssize(domains); left > 0; --left) {
    std::size_t fullest = 0;
    for (std::size_t d = 1; d < domains.size(); ++d) {
      const auto each = [&](std::size_t k) {
        return static_cast<double>(domains[k].size()) / static_cast<double>(clients[k]);
      };
      fullest = each(d) > each(fullest) ? d : fullest;
    }
    ++clients[fullest];
  }
  Shares result;
  for (std::size_t d = 0; d < domains.size(); ++d) {
    if (std::ssize(domains) >= shares) {
      if (std::ssize(result) < shares) {
        result.push_back(std::move(domains[d]));
        continue;
      }
      Indices& least =
          *std::ranges::min_element(result, {}, [](const Indices& s) { return s.size(); });
      least.insert(least.end(), domains[d].begin(), domains[d].end());
      continue;
    }
    Indices order = domains[d];
    Random random = seed.derive("deal/domain", {}, d).random();
    random.shuffle(std::span(order));
    for (Indices& run : runs_of(order, clients[d])) {
      result.push_back(std::move(run));
    }
  }
  return result;
}

// In the order of Deal.
constexpr std::array kRules = {&iid,         &dirichlet, &dirichlet_client, &dirichlet_objects,
                               &object_size, &mask_area, &quantity,         &shards,
                               &domain};

}  // namespace

Shares deal(const Dataset& set, const DealOptions& options, std::int64_t shares, Seed seed) {
  check_enough(set.size(), shares);
  return sorted(kRules.at(static_cast<std::size_t>(options.rule))(set, options, shares, seed));
}

std::vector<std::int64_t> class_counts(const Dataset& set, const std::vector<std::int64_t>& share) {
  std::vector<std::int64_t> counts(set.classes().size(), 0);
  const bool objects =
      set.annotation() == Annotation::kBoxes || set.annotation() == Annotation::kOutlines;
  for (const std::int64_t i : share) {
    if (!objects && set.label(i) >= 0) {
      ++counts.at(static_cast<std::size_t>(set.label(i)));
    }
    for (const Object& object : objects ? set.objects(i) : std::vector<Object>{}) {
      ++counts.at(static_cast<std::size_t>(object.label));
    }
  }
  return counts;
}

}  // namespace lorae::data
