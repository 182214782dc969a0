#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "report/sweep.h"

namespace lorae::report {

namespace fs = std::filesystem;

// Folders as programs of ours leave them behind, without LibTorch.

/// A run of a coordinator: four clients, three of them in each round, two layers.
struct ExampleRun {
  std::string method = "lorae-8";
  double top1 = 0.8;          ///< that its metric rises to
  std::int64_t layer = 4000;  ///< raw bytes of a layer's update
  std::uint64_t rounds = 6;   ///< that are committed
  bool has_open_round = false;
};

void make_run(const fs::path& folder, const ExampleRun& run, const std::string& config);

/// As lorae-simulate writes it, six rounds planned; seeds from 0.
std::string example_config(const std::vector<std::string>& methods, int seeds = 1);

/// "full" and `others`, each with `seeds` seeds; the last one is not finished if `unfinished`.
void make_simulation(const fs::path& folder,
                     const std::vector<std::string>& others,
                     int seeds,
                     bool unfinished = false);

/// Of twelve epochs. `ended`: with train.json.
void make_training(const fs::path& folder, bool ended = true);

/// Of two models and three ranks, one of them not run, with its trainings in folders of `folder`.
Sweep make_sweep(const fs::path& folder);

}  // namespace lorae::report
