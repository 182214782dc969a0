#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/config_reader.h"
#include "base/named.h"

namespace lorae::adapters {

/// How an extractor starts: by (seed, layer name), the same on every machine.
enum class ExtractorInit {
  kKaiming,      ///< uniform in +-1/sqrt(Cin k^2)
  kOrthonormal,  ///< rows of length 1, orthogonal to each other
  kPrincipal,    ///< such rows, of what the frozen weight does most with (adapters/starts.h)
};

/// Which layers LoRAE adapts, and how.
///
/// `targets`: terms joined by commas; a layer is taken if one takes it and no "!" term does.
///   all         convolutions that a norm follows, less grouped ones (the paper's rule)
///   spatial     those of them with a kernel larger than 1 x 1
///   efficient   those of them whose adapter is smaller than their weight
///   grouped     grouped and depthwise convolutions, by grouped adapters
///   linear      linear layers but the head
///   GLOB        layers by name: "layer[34].*", "*.cv2.conv"; * matches dots, too
///   !GLOB       never these
/// `ranks`: exceptions, the first match wins: "layer4.*=16, *.cv1.conv=4/8" (rank, or rank/alpha).
/// `residual_rank`: components of each adapter behind those of its rank, which start as zeros and
/// stay as they are in training; they are for who aggregates.
struct LoraeOptions {
  std::string targets = "all";
  std::int64_t rank = 8;
  std::int64_t residual_rank = 0;
  double alpha = 16;
  std::string ranks = {};
  std::string scaling = "lora";
  ExtractorInit extractor_init = ExtractorInit::kKaiming;
};

template <typename Visitor>
void visit_fields(LoraeOptions& options, Visitor&& visit) {
  visit("rank", options.rank, between(0, 1024),
        "lorae: filters of each extractor; 0: as many as max_uplink lets through");
  visit("residual_rank", options.residual_rank, between(0, 1024),
        "lorae: further filters that the coordinator fills: aggregation = residual or stacking");
  visit("alpha", options.alpha, between(0.001, 1e6), "lorae: scaling = alpha / rank");
  visit("targets", options.targets, anything(),
        "lorae: all, spatial, efficient, grouped, linear, GLOB, !GLOB, joined by commas");
  visit("ranks", options.ranks, anything(), "lorae: exceptions, \"layer4.*=16, conv1=4/8\"");
  visit("scaling", options.scaling, one_of({"lora", "rslora"}), "lorae: rslora = alpha/sqrt(rank)");
  visit("extractor_init", options.extractor_init, anything(),
        "lorae: how extractors start: kaiming, orthonormal, or principal to the frozen weights");
}

/// What rules see of a layer.
struct LayerShape {
  std::string name;
  std::int64_t in = 0, out = 0;
  std::int64_t kernel = 0;  ///< 0: linear
  std::int64_t stride = 1, groups = 1;
  bool norm_follows = false;  ///< a convolution without a bias of its own
  bool head = false;          ///< gives a classifier its classes

  /// Of the weight.
  std::int64_t numel() const { return in / groups * out * area(); }
  std::int64_t area() const { return kernel == 0 ? 1 : kernel * kernel; }
};

/// The part that each of a layer's `groups` has of a rank: at least 1.
std::int64_t share_of_rank(std::int64_t rank, std::int64_t groups);

/// The adapter of one layer.
struct LayerAdapter {
  std::int64_t rank = 0;      ///< of each group, with its residual
  std::int64_t residual = 0;  ///< of these the last ones, which start as zeros
  double alpha = 0;
  double scaling = 0;  ///< of B A
  ExtractorInit init = ExtractorInit::kKaiming;

  /// Extractor and mapper. Formula: groups * rank * Cin / groups * k^2 + Cout * rank.
  std::int64_t numel(const LayerShape& layer) const {
    return rank * (layer.in * layer.area() + layer.out);
  }
};

/// LoraeOptions, read. Errors: kInvalidConfig for terms that make no sense.
class Policy {
 public:
  explicit Policy(const LoraeOptions& options);

  /// The adapter that a layer gets, if any. A grouped layer's rank is divided by its groups, at
  /// least 1 for each.
  std::optional<LayerAdapter> adapter(const LayerShape& layer) const;

  /// Errors: kInvalidConfig if no layer of `layers` is taken, or a GLOB matches none of them.
  void check_matches(const std::vector<LayerShape>& layers) const;

 private:
  struct Term {
    std::string text;  ///< a rule's name or a GLOB
    bool negated = false;
    bool rule = false;
  };
  struct Exception {
    std::string glob;
    std::int64_t rank = 0;
    double alpha = 0;
  };

  LayerAdapter sized(const LayerShape& layer) const;
  bool takes(const Term& term, const LayerShape& layer) const;

  LoraeOptions options_;
  std::vector<Term> terms_;
  std::vector<Exception> exceptions_;
};

/// Shell patterns: * any text, ? a character, [abc], [a-c], [!abc].
bool glob_matches(const std::string& glob, const std::string& text);

}  // namespace lorae::adapters

namespace lorae {
template <>
inline constexpr std::array<std::string_view, 3> kNames<adapters::ExtractorInit> = {
    "kaiming", "orthonormal", "principal"};
}  // namespace lorae
