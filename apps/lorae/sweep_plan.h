#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/config_reader.h"
#include "report/sweep.h"
#include "training/train_config.h"

namespace lorae::apps {

/// A data set of a sweep's configuration, and what is trained on it.
struct DataPlan {
  std::string name;
  std::string path;
  std::int64_t classes = 1;
  std::string recipe = "default";
  std::string weights = {};
  std::vector<std::string> metrics = {};
  std::vector<std::string> models = {};
  std::vector<std::string> kinds = {"full", "lorae"};
  std::vector<std::int64_t> ranks = {8};
  std::vector<std::int64_t> seeds = {0};
  std::int64_t drawn_rank = 0;
  ConfigReader settings = {};  ///< keys of `lorae train`
  /// What the paper prints, by "model.method", such as "yolo11n.r8": a number for each metric.
  std::map<std::string, std::vector<double>> printed = {};
};

/// A table that shows some of what is trained. Empty lists: all that its data sets have.
struct TablePlan {
  std::string name, title;
  std::string paper = {};
  std::vector<std::string> data = {};
  std::vector<std::string> models = {};
  std::vector<std::string> kinds = {};
  std::vector<std::int64_t> ranks = {};
  /// Where it prints others than its data sets have, by "data.model.method".
  std::map<std::string, std::vector<double>> printed = {};
};

struct SweepPlan {
  std::string title;
  std::vector<DataPlan> data;
  std::vector<TablePlan> tables;
  std::string text;  ///< TOML

  const DataPlan& data_of(const std::string& name) const;
};

/// docs/paper.md has the keys. Errors: kInvalidConfig for unknown keys and values that do not fit.
SweepPlan read_sweep_plan(const std::filesystem::path& file);

/// The rows of the tables `only`, or of all if it is empty, each with its folder below `out`, its
/// parameters, and the paper's numbers. Builds every model once for each rank; needs no data.
/// Errors: kInvalidConfig for a table that is not there, and for keys of a training that are none.
report::Sweep sweep_of(const SweepPlan& plan,
                       const std::vector<std::string>& only,
                       const std::filesystem::path& out,
                       const std::function<void(ConfigReader&)>& overrides);

/// The configuration of a row's training. `root`: what the paths are below; empty: they stay as the
/// plan has them.
ConfigReader reader_of(const SweepPlan& plan,
                       const report::SweepRow& row,
                       const std::filesystem::path& root,
                       const std::function<void(ConfigReader&)>& overrides);

}  // namespace lorae::apps
