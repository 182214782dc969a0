#include "adapters/policy.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace lorae::adapters {
namespace {

constexpr std::array<std::string_view, 5> kRules = {"all", "spatial", "efficient", "grouped",
                                                    "linear"};
constexpr std::int64_t kMaxRank = 1024;

/// "a, b" -> {"a", "b"}.
std::vector<std::string> terms_of(const std::string& text) {
  std::vector<std::string> terms;
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    const std::size_t first = text.find_first_not_of(' ', start);
    if (first < end) {
      const std::size_t last = text.find_last_not_of(' ', end - 1);
      terms.push_back(text.substr(first, last - first + 1));
    }
    start = end + 1;
  }
  return terms;
}

/// A whole positive number. Errors: kInvalidConfig naming `term`.
template <typename Number>
Number number(const std::string& text, const std::string& term) {
  Number value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(code == std::errc() && end == text.data() + text.size() && value > 0 &&
            std::isfinite(static_cast<double>(value)),
        ErrorCode::kInvalidConfig, "[adapters] ranks: '", term,
        "': expected PATTERN=RANK or PATTERN=RANK/ALPHA, for example \"layer4.*=16/32\"");
  return value;
}

}  // namespace

bool glob_matches(const std::string& glob, const std::string& text) {
  return fnmatch(glob.c_str(), text.c_str(), FNM_NOESCAPE) == 0;
}

std::int64_t share_of_rank(std::int64_t rank, std::int64_t groups) {
  return std::max<std::int64_t>(1, rank / groups);
}

Policy::Policy(const LoraeOptions& options) : options_(options) {
  check(std::isfinite(options.alpha) && options.alpha > 0, ErrorCode::kInvalidConfig,
        "[adapters] alpha: expected a number above 0, got ", options.alpha);
  for (const std::string& text : terms_of(options.targets)) {
    const bool negated = text.starts_with('!');
    const std::string bare = text.substr(negated ? 1 : 0);
    check(!bare.empty(), ErrorCode::kInvalidConfig, "[adapters] targets: '", text,
          "' names nothing");
    terms_.push_back({.text = bare,
                      .negated = negated,
                      .rule = std::ranges::find(kRules, bare) != kRules.end()});
  }
  check(std::ranges::any_of(terms_, [](const Term& term) { return !term.negated; }),
        ErrorCode::kInvalidConfig, "[adapters] targets: '", options.targets,
        "' takes no layer; expected all, spatial, efficient, grouped, linear or layer names");
  for (const std::string& term : terms_of(options.ranks)) {
    const std::size_t equals = term.rfind('=');
    const std::string value = equals == std::string::npos ? "" : term.substr(equals + 1);
    const std::size_t slash = value.find('/');
    Exception exception{.glob = term.substr(0, std::min(equals, term.size())),
                        .rank = number<std::int64_t>(value.substr(0, slash), term),
                        .alpha = options.alpha};
    if (slash != std::string::npos) {
      exception.alpha = number<double>(value.substr(slash + 1), term);
    }
    check(exception.rank <= kMaxRank, ErrorCode::kInvalidConfig, "[adapters] ranks: '", term,
          "': expected a rank of at most ", kMaxRank);
    exceptions_.push_back(exception);
  }
}

LayerAdapter Policy::sized(const LayerShape& layer) const {
  LayerAdapter adapter{
      .rank = options_.rank, .alpha = options_.alpha, .init = options_.extractor_init};
  for (const Exception& exception : exceptions_) {
    if (glob_matches(exception.glob, layer.name)) {
      adapter.rank = exception.rank;
      adapter.alpha = exception.alpha;
      break;
    }
  }
  adapter.rank = share_of_rank(adapter.rank, layer.groups);
  const auto rank = static_cast<double>(adapter.rank);
  adapter.scaling = adapter.alpha / (options_.scaling == "rslora" ? std::sqrt(rank) : rank);
  if (options_.residual_rank > 0) {
    adapter.residual = share_of_rank(options_.residual_rank, layer.groups);
    adapter.rank += adapter.residual;
  }
  return adapter;
}

bool Policy::takes(const Term& term, const LayerShape& layer) const {
  if (!term.rule) {
    return glob_matches(term.text, layer.name);
  }
  if (term.text == "linear") {
    return layer.kernel == 0 && !layer.head;
  }
  if (term.text == "grouped") {
    return layer.groups > 1;
  }
  const bool dense = layer.kernel > 0 && layer.groups == 1 && layer.norm_follows;
  const auto is_smaller = [&] {  // what is trained of it
    LayerAdapter trained = sized(layer);
    trained.rank -= trained.residual;
    return trained.numel(layer) < layer.numel();
  };
  return dense && (term.text == "all" || (term.text == "spatial" && layer.kernel > 1) ||
                   (term.text == "efficient" && is_smaller()));
}

std::optional<LayerAdapter> Policy::adapter(const LayerShape& layer) const {
  bool taken = false;
  for (const Term& term : terms_) {
    if (takes(term, layer)) {
      if (term.negated) {
        return std::nullopt;
      }
      taken = true;
    }
  }
  return taken ? std::optional(sized(layer)) : std::nullopt;
}

void Policy::check_matches(const std::vector<LayerShape>& layers) const {
  const auto matches = [&](const std::string& glob) {
    return std::ranges::any_of(
        layers, [&](const LayerShape& layer) { return glob_matches(glob, layer.name); });
  };
  std::vector<std::string> globs;
  for (const Term& term : terms_) {
    if (!term.rule) {
      globs.push_back(term.text);
    }
  }
  for (const Exception& exception : exceptions_) {
    globs.push_back(exception.glob);
  }
  for (const std::string& glob : globs) {
    check(matches(glob), ErrorCode::kInvalidConfig, "[adapters] '", glob,
          "' matches no layer of this model; its first is '",
          layers.empty() ? "" : layers.front().name, "', and `lorae params MODEL` lists all");
  }
  check(std::ranges::any_of(layers, [&](const LayerShape& l) { return adapter(l).has_value(); }),
        ErrorCode::kInvalidConfig, "[adapters] targets: '", options_.targets,
        "' takes no layer of this model");
}

}  // namespace lorae::adapters
