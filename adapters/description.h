#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/named.h"
#include "base/result.h"

namespace lorae::adapters {

/// What is trained, sent and kept in a file.
enum class Kind { kLorae, kFull, kHead };
/// Which factors of adapters are trained and sent: both; or the mappers alone, on extractors that
/// stay as they start and never travel; or both, but in each round only one, which all
/// clients share the other of; or an r x r core alone, between an extractor and a basis of the
/// mapper that stay as they start. Source: FFA-LoRA, Sun et al. 2024 (arXiv:2403.12313),
/// which freezes A; RoLoRA, Chen et al. 2025 (arXiv:2502.01755), which takes turns; LoRA-XS,
/// Bałazy et al. 2024 (arXiv:2405.17604), which trains a core.
enum class Factors { kBoth, kMapper, kAlternating, kCore };
/// Which layers are trained in full beside adapters, or alone: the last ones, none, or those with
/// the branches that lead to them (models/layers/network.h).
enum class Head { kLast, kNone, kBranch };
/// How BatchNorm is treated beside adapters: frozen; its weights and biases trained; or its
/// statistics, too; or all of them, on each device by itself, and never sent.
enum class Norm { kFrozen, kAffine, kTrained, kLocal };

// Statistics of BatchNorm, as the reference packages name them.
inline constexpr std::string_view kMeanSuffix = ".running_mean";
inline constexpr std::string_view kVarianceSuffix = ".running_var";

/// Written; 2 is read, too.
inline constexpr int kFormatVersion = 3;

/// The adapter of one layer in a file.
struct LayerDescription {
  std::string name;
  std::int64_t kernel = 0;  ///< 0: linear
  std::int64_t stride = 1, groups = 1;
  std::int64_t rank = 0;  ///< of each group
  double alpha = 0;
  double scaling = 0;  ///< W_eff = W + scaling * B A

  bool operator==(const LayerDescription&) const = default;
};

/// What a global adapter needs beside its numbers to be used: docs/adapter_format.md.
struct AdapterInfo {
  std::string model;  ///< registry name of the backbone, for example "resnet8"
  Kind kind = Kind::kLorae;
  std::int64_t classes = 0;
  RoundId round = {};
  std::string base_digest = {};         ///< hex digest of the backbone that it was trained on
  Head head = Head::kLast;              ///< what of it is in the file; the rest is the backbone's
  Norm norm = Norm::kFrozen;            ///< what of the norms is in the file
  std::string task = "classification";  ///< what it was trained for
  std::vector<LayerDescription> layers = {};  ///< empty unless kind is kLorae
  /// What the model is given and says, as models/description.h writes it; empty if it is not known.
  /// It has a place of its own in the file.
  std::string about = {};
};

/// The metadata key of `AdapterInfo::about`, in files of adapters and of weights.
inline constexpr std::string_view kAboutKey = "lorae_model";

/// JSON on one line; the same text for the same description.
std::string description_text(const AdapterInfo& info);

/// Reads a text that anybody may have written; fields that it does not know are skipped.
/// Errors (returned): kCorruptData, naming the field and what was expected; kIncompatible for
/// a version of the format that this build does not read, saying what to do.
Result<AdapterInfo> parse_description(std::string_view text);

}  // namespace lorae::adapters

namespace lorae {
template <>
inline constexpr std::array<std::string_view, 3> kNames<adapters::Kind> = {"lorae", "full", "head"};
template <>
inline constexpr std::array<std::string_view, 4> kNames<adapters::Factors> = {
    "factors", "mapper", "alternating", "core"};
template <>
inline constexpr std::array<std::string_view, 2> kOldNames<adapters::Head> = {"full", "frozen"};
template <>
inline constexpr std::array<std::string_view, 3> kNames<adapters::Head> = {"last", "none",
                                                                           "branch"};
template <>
inline constexpr std::array<std::string_view, 4> kNames<adapters::Norm> = {"frozen", "affine",
                                                                           "trained", "local"};
}  // namespace lorae
