#include "data/partition.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>
#include <span>

#include "base/error.h"

namespace lorae::data {
namespace {

constexpr std::int64_t kMaxDraws = 1000;
constexpr std::int64_t kMaxProportions = 20'000'000;  // of all draws together: some seconds
// Below, draws of the gamma distribution underflow to zero and the proportions mean nothing.
constexpr double kMinAlpha = 0.01;
constexpr double kMaxAlpha = 1e6;

using Indices = std::vector<std::int64_t>;

/// The images of each class, in random order: a share's part of a class is then a contiguous run.
std::vector<Indices> shuffled_by_class(const Indices& labels, std::int64_t classes, Seed seed) {
  check(classes >= 1, ErrorCode::kInvalidArgument,
        "[data] classes to deal: expected at least 1, got ", classes);
  std::vector<Indices> members(static_cast<std::size_t>(classes));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    check(labels[i] >= 0 && labels[i] < classes, ErrorCode::kInvalidArgument, "[data] image ", i,
          " has label ", labels[i], ": expected one in [0, ", classes, ")");
    members[static_cast<std::size_t>(labels[i])].push_back(static_cast<std::int64_t>(i));
  }
  for (std::size_t k = 0; k < members.size(); ++k) {
    Random random = seed.derive("partition_dirichlet/shuffle", {}, k).random();
    random.shuffle(std::span(members[k]));
  }
  return members;
}

/// Where each share's run of a class of `size` images ends; the last one ends at `size`.
Indices draw_ends(Random& random, std::size_t shares, double alpha, std::size_t size) {
  Indices ends;
  double sum = 0.0;
  for (const double proportion : random.dirichlet(shares, alpha)) {
    sum += proportion;
    ends.push_back(static_cast<std::int64_t>(std::min(sum, 1.0) * static_cast<double>(size)));
  }
  ends.back() = static_cast<std::int64_t>(size);  // the proportions sum to 1 but for rounding
  return ends;
}

/// One draw of all classes; nothing if it leaves a share with too few images.
std::optional<std::vector<Indices>> draw_cuts(const std::vector<Indices>& members,
                                              std::size_t shares,
                                              double alpha,
                                              std::int64_t min_images,
                                              Random random) {
  std::vector<Indices> cuts;
  Indices sizes(shares, 0);
  for (const Indices& images : members) {
    cuts.push_back(draw_ends(random, shares, alpha, images.size()));
    std::int64_t begin = 0;
    for (std::size_t share = 0; share < shares; ++share) {
      sizes[share] += cuts.back()[share] - begin;
      begin = cuts.back()[share];
    }
  }
  if (std::ranges::min(sizes) < min_images) {
    return std::nullopt;
  }
  return cuts;
}

Shares deal(const std::vector<Indices>& members,
            const std::vector<Indices>& cuts,
            std::size_t shares) {
  Shares result(shares);
  for (std::size_t k = 0; k < members.size(); ++k) {
    auto begin = members[k].begin();
    for (std::size_t share = 0; share < shares; ++share) {
      const auto end = members[k].begin() + cuts[k][share];
      result[share].insert(result[share].end(), begin, end);
      begin = end;
    }
  }
  for (Indices& share : result) {
    std::ranges::sort(share);
  }
  return result;
}

void check_alpha(double alpha) {
  check(alpha >= kMinAlpha && alpha <= kMaxAlpha, ErrorCode::kInvalidConfig,
        "[data] alpha of the Dirichlet partition: expected a number in [", kMinAlpha, ", ",
        kMaxAlpha, "], got ", alpha);
}

void check_enough(std::int64_t n, std::int64_t shares) {
  check(shares >= 1 && shares <= n, ErrorCode::kInvalidConfig, "[data] cannot deal ", n,
        " images into ", shares, " shares: expected at least one image per share");
}

/// Of n images in shares that differ by one at most.
std::int64_t size_of_share(std::int64_t n, std::int64_t shares, std::int64_t share) {
  return n / shares + (share < n % shares ? 1 : 0);
}

/// A class that has images left, by `wanted`; by what is left, if that wants none of them.
/// `wanted`: becomes 0 for classes that have none left.
std::size_t draw_class(Random& random,
                       std::vector<double>& wanted,
                       const std::vector<Indices>& members) {
  double sum = 0;
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    wanted[k] = members[k].empty() ? 0 : wanted[k];
    sum += wanted[k];
  }
  if (!(sum > 0)) {
    std::ranges::transform(members, wanted.begin(), [](const Indices& images) {
      return static_cast<double>(images.size());
    });
    sum = std::accumulate(wanted.begin(), wanted.end(), 0.0);
  }
  double left = sum * static_cast<double>(random.uniform());
  std::size_t drawn = wanted.size();
  for (std::size_t k = 0; k < wanted.size() && (drawn == wanted.size() || left >= 0); ++k) {
    if (wanted[k] > 0) {
      drawn = k;
      left -= wanted[k];
    }
  }
  return drawn;
}

/// A positive decimal number that is all of `text`.
std::optional<std::int64_t> parse_count(std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end || value < 1) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

Shares partition_iid(std::int64_t n, std::int64_t shares, Seed seed) {
  check_enough(n, shares);
  Indices order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  Random random = seed.derive("partition_iid").random();
  random.shuffle(std::span(order));
  Shares result;
  auto begin = order.begin();
  for (std::int64_t share = 0; share < shares; ++share) {
    const auto end = begin + size_of_share(n, shares, share);
    result.emplace_back(begin, end);
    std::ranges::sort(result.back());
    begin = end;
  }
  return result;
}

Shares partition_dirichlet(const std::vector<std::int64_t>& labels,
                           std::int64_t classes,
                           std::int64_t shares,
                           double alpha,
                           Seed seed,
                           std::int64_t min_images) {
  check_alpha(alpha);
  constexpr std::string_view kHint =
      "; partition = \"dirichlet_client\" gives all clients as many, or lower data.min_images";
  check(shares >= 1 && shares <= std::ssize(labels) / std::max<std::int64_t>(min_images, 1),
        ErrorCode::kInvalidConfig, "[data] cannot deal ", labels.size(), " images into ", shares,
        " shares with alpha = ", alpha, ": expected at least ", min_images, " images per share",
        kHint);
  const std::vector<Indices> members = shuffled_by_class(labels, classes, seed);
  const auto count = static_cast<std::size_t>(shares);
  const std::int64_t draws =
      std::clamp<std::int64_t>(kMaxProportions / (shares * classes), 10, kMaxDraws);
  for (std::int64_t draw = 0; draw < draws; ++draw) {
    const Random random =
        seed.derive("partition_dirichlet/proportions", {}, static_cast<std::uint64_t>(draw))
            .random();
    if (const auto cuts = draw_cuts(members, count, alpha, min_images, random)) {
      return deal(members, *cuts, count);
    }
  }
  fail(ErrorCode::kInvalidConfig, "[data] no Dirichlet partition of ", labels.size(),
       " images into ", shares, " shares with alpha = ", alpha, " in ", draws,
       " draws: expected at least ", min_images,
       " images in each share; raise alpha, or use fewer shares or more images", kHint);
}

Shares partition_dirichlet_client(const std::vector<std::int64_t>& labels,
                                  std::int64_t classes,
                                  std::int64_t shares,
                                  double alpha,
                                  Seed seed) {
  check_alpha(alpha);
  const std::int64_t n = std::ssize(labels);
  check_enough(n, shares);
  std::vector<Indices> members = shuffled_by_class(labels, classes, seed);
  std::vector<double> concentrations;
  for (const Indices& images : members) {  // a class without images is never drawn
    const auto size = static_cast<double>(std::max<std::size_t>(images.size(), 1));
    concentrations.push_back(alpha * size / static_cast<double>(n));
  }
  Shares result;
  for (std::int64_t share = 0; share < shares; ++share) {
    Random random =
        seed.derive("partition_dirichlet_client", {}, static_cast<std::uint64_t>(share)).random();
    std::vector<double> wanted = random.dirichlet(concentrations);
    Indices& own = result.emplace_back();
    for (std::int64_t i = 0; i < size_of_share(n, shares, share); ++i) {
      Indices& images = members[draw_class(random, wanted, members)];
      own.push_back(images.back());
      images.pop_back();
    }
    std::ranges::sort(own);
  }
  return result;
}

SharePart parse_share(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto index = parse_count(text.substr(0, slash));
  const auto count =
      slash == std::string_view::npos ? std::nullopt : parse_count(text.substr(slash + 1));
  check(index.has_value() && count.has_value(), ErrorCode::kInvalidConfig, "[data] share '", text,
        "': expected K/N with whole numbers, such as 3/20 for the third of twenty");
  check(*index <= *count, ErrorCode::kInvalidConfig, "[data] share '", text,
        "': expected a number from 1 to ", *count, " before the slash, got ", *index);
  return {*index - 1, *count};
}

}  // namespace lorae::data
