#include "data/partition.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>
#include <span>

#include "base/error.h"

namespace lorae::data {
namespace {

constexpr std::uint64_t kMaxDraws = 1000;
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
  if (std::ranges::min(sizes) < kMinShareImages) {
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
  check(shares >= 1 && shares <= n, ErrorCode::kInvalidConfig, "[data] cannot deal ", n,
        " images into ", shares, " shares: expected at least one image per share");
  Indices order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  Random random = seed.derive("partition_iid").random();
  random.shuffle(std::span(order));
  Shares result;
  auto begin = order.begin();
  for (std::int64_t share = 0; share < shares; ++share) {
    const auto end = begin + n / shares + (share < n % shares ? 1 : 0);
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
                           Seed seed) {
  check(alpha >= kMinAlpha && alpha <= kMaxAlpha, ErrorCode::kInvalidConfig,
        "[data] alpha of the Dirichlet partition: expected a number in [", kMinAlpha, ", ",
        kMaxAlpha, "], got ", alpha);
  check(shares >= 1 && shares <= std::ssize(labels) / kMinShareImages, ErrorCode::kInvalidConfig,
        "[data] cannot deal ", labels.size(), " images into ", shares,
        " shares with alpha = ", alpha, ": expected at least ", kMinShareImages,
        " images per share");
  const std::vector<Indices> members = shuffled_by_class(labels, classes, seed);
  const auto count = static_cast<std::size_t>(shares);
  for (std::uint64_t draw = 0; draw < kMaxDraws; ++draw) {
    const Random random = seed.derive("partition_dirichlet/proportions", {}, draw).random();
    if (const auto cuts = draw_cuts(members, count, alpha, random)) {
      return deal(members, *cuts, count);
    }
  }
  fail(ErrorCode::kInvalidConfig, "[data] no Dirichlet partition of ", labels.size(),
       " images into ", shares, " shares with alpha = ", alpha, " in ", kMaxDraws,
       " draws: expected at least ", kMinShareImages,
       " images in each share; raise alpha, or use fewer shares or more images");
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
