#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/policy.h"
#include "experiment/run_config.h"
#include "models/model.h"

namespace lorae::apps {

// The subcommands of `lorae` that look at one model. Errors: lorae::Error.

struct ModelChoice {
  std::string name;
  std::int64_t classes = 80;
  std::int64_t channels = 3;
  std::string stem = "standard";
  std::int64_t norm_groups = 0;  ///< of a ResNet; 0: BatchNorm
};

/// The model with weights drawn from `seed`; without one they hold anything.
std::unique_ptr<models::Model> build(const ModelChoice& choice, std::optional<Seed> seed);

/// Prints the names of all models, a line each or as a JSON array.
void print_models(bool as_json);

/// Prints totals and a table per layer, or one JSON object.
void print_params(const ModelChoice& choice, const adapters::LoraeOptions& lorae, bool as_json);

/// Codec chains of a federated run, as in [[methods]].
struct Codecs {
  std::string uplink = "delta,int8:row,zstd";
  std::string downlink = "zstd";
};

/// Prints the bytes that a client sends and gets in a round, with LoRAE and with all weights.
void print_bytes(const ModelChoice& choice,
                 const adapters::LoraeOptions& lorae,
                 const Codecs& codecs);

/// Prints the same for the methods of a run, from its first `measured` rounds.
void print_forecast(const experiment::RunConfig& run,
                    const std::string& home,
                    std::int64_t measured);

struct ProfileOptions {
  ModelChoice model;
  adapters::LoraeOptions lorae;
  std::int64_t batch = 1, side = 224;
  std::string device = "cpu";
  bool forms = false;  ///< also times each adapter's forms
  bool as_json = false;
};

/// Prints what each layer costs: multiplications, bytes, time, and the forms that are chosen.
void print_profile(const ProfileOptions& options);

/// Prints the paper's counts of updated parameters beside ours, cell by cell.
void print_paper_params();

/// Prints every tensor's dtype and shape, totals and the digest.
void inspect_weights(const std::filesystem::path& path, bool as_json);

struct ConvertOptions {
  std::filesystem::path input, output;
  ModelChoice model = {.name = {}};  ///< without a name: only the dtype changes
  std::string dtype = "float32";     ///< or "float16", "bfloat16"
  std::uint64_t seed = 0;            ///< of what the file does not have
};

/// Writes a checkpoint under the reference's names, and prints what was taken, what was initialised
/// and why, and what has no place. Errors: kIncompatible for weights of another model.
void convert_weights(const ConvertOptions& options);

/// Prints how two files differ; true if they do not, by more than `tolerance` in any number.
bool diff_weights(const std::filesystem::path& first,
                  const std::filesystem::path& second,
                  double tolerance);

struct AdapterFiles {
  std::filesystem::path weights;  ///< of the backbone, under the reference's names
  std::filesystem::path output;
};

/// Writes an adapter that changes nothing yet.
void create_adapter(const ModelChoice& choice,
                    const adapters::LoraeOptions& lorae,
                    const AdapterFiles& files,
                    std::uint64_t seed);
/// Prints an adapter's description, as a table or its JSON.
void inspect_adapter(const std::filesystem::path& path, bool as_json);
/// Writes the backbone with the adapter merged in, under the reference's names.
void fuse_adapter(const std::filesystem::path& path, const AdapterFiles& files);
/// Writes the adapter that is nearest to the difference of two checkpoints; prints what each layer
/// leaves out.
void extract_adapter(const ModelChoice& choice,
                     const adapters::LoraeOptions& lorae,
                     const std::filesystem::path& tuned,
                     const AdapterFiles& files);
/// Writes one adapter for a weighted sum; `parts`: "FILE:WEIGHT".
void merge_adapters(const std::vector<std::string>& parts, const std::filesystem::path& output);

struct ForwardOptions {
  ModelChoice model;
  std::filesystem::path weights;  ///< safetensors under the reference's names
  std::filesystem::path input;    ///< safetensors with a tensor "input": [N, C, H, W]
  std::filesystem::path output;
  std::filesystem::path adapter;  ///< empty: none
  bool fused = false;             ///< the adapter merged into the weights first
  bool float64 = false;
  bool intermediate = false;  ///< writes what named layers give, too
  std::string device = "cpu";
};

/// Runs an inference forward and writes "output"; where a model gives several, they are
/// "output.0", "output.1", ... and also stand under their names ("proto", "logits").
/// Errors: kInvalidConfig or kIncompatible for files that do not fit, saying what differs.
void run_forward(const ForwardOptions& options);

}  // namespace lorae::apps
