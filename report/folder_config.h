#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lorae::report {

/// What people are told of the config.toml of a run, a simulation or a training, which has every
/// key. What the others have is empty or 0.
struct FolderConfig {
  struct Method {
    std::string name;
    std::string kind;
    std::string model, data, partition;  ///< its own, or those of all
  };

  std::string text;  ///< all of it
  std::string model;
  std::string data;       ///< path
  std::string partition;  ///< "dirichlet 0.3", "shards 2"
  std::int64_t clients = 0;
  std::int64_t cohort = 0;  ///< per round
  std::int64_t rounds = 0;  ///< planned
  std::int64_t stop = 0;    ///< without anything better, then it ends
  std::vector<Method> methods;
  std::vector<std::int64_t> seeds;
  std::string baseline;

  struct Training {
    std::string kind;
    std::int64_t rank = 0;
    std::int64_t epochs = 0;
  };
  Training training;

  /// "fashion-mnist".
  std::string data_name() const;
  /// The text without what says how a simulation is carried out, and where: what runs of different
  /// seeds have in common.
  std::string text_of_runs() const;
  /// "resnet8 on fashion-mnist, 20 clients, 8 per round, 20 rounds, dirichlet 0.3"; where methods
  /// differ, "20 clients, 8 per round, 20 rounds; lorae: resnet8 on fashion-mnist, iid; ...".
  std::string summary() const;
};

/// Errors: kInvalidConfig if the file cannot be read or is no TOML.
FolderConfig read_folder_config(const std::filesystem::path& file);

}  // namespace lorae::report
