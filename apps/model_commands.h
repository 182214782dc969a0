#pragma once

#include <filesystem>
#include <string>

namespace lorae::apps {

// The subcommands of `lorae` that look at one model. Errors: lorae::Error.

struct ModelChoice {
  std::string name;
  std::int64_t classes = 80;
  std::int64_t channels = 3;
  std::string stem = "standard";
};

/// Prints the names of all models, a line each or as a JSON array.
void print_models(bool as_json);

/// Prints totals and a table per layer, or one JSON object.
void print_params(const ModelChoice& choice, std::int64_t rank, bool as_json);

/// Prints the paper's counts of updated parameters beside ours, cell by cell.
void print_paper_params();

struct ForwardOptions {
  ModelChoice model;
  std::filesystem::path weights;  ///< safetensors under the reference's names
  std::filesystem::path input;    ///< safetensors with a tensor "input": [N, C, H, W]
  std::filesystem::path output;
  std::filesystem::path adapter;  ///< empty: none
  bool fused = false;             ///< the adapter merged into the weights first
  bool float64 = false;
  bool intermediate = false;  ///< writes what named layers give, too
};

/// Runs an inference forward and writes "output"; where a model gives several, they are
/// "output.0", "output.1", ... and also stand under their names ("proto", "logits").
/// Errors: kInvalidConfig or kIncompatible for files that do not fit, saying what differs.
void run_forward(const ForwardOptions& options);

}  // namespace lorae::apps
