#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "apps/lorae/train_commands.h"
#include "base/ids.h"
#include "models/description.h"
#include "tasks/task.h"
#include "training/train_config.h"

namespace lorae::apps {

/// A model with its weights, ready to be asked, and what it was trained for.
struct Trained {
  training::TrainConfig config;
  std::unique_ptr<models::Model> model;
  std::unique_ptr<tasks::Task> task;
  std::vector<std::string> files;  ///< that it was made of
  std::string adapter_digest;      ///< of the adapter's tensors, in hex; empty without one
  RoundId adapter_round;           ///< after which it was the global one; 0: not of a federation

  /// Its number, where classes have no names.
  std::string class_name(std::int64_t label) const;
};

/// The files that a model is made of.
struct ModelFiles {
  std::filesystem::path weights;  ///< empty: drawn from the seed of `config`
  std::filesystem::path adapter;  ///< or weights of the run's own kind; empty: none
  std::filesystem::path config;   ///< of a training; empty: none
};

/// What `folder` holds: a training, a coordinator's run, one of a simulation's runs, or what a
/// client keeps. Errors: kInvalidConfig if it holds nothing to use, or nothing yet.
ModelFiles model_files(const std::filesystem::path& folder);

/// Puts together what `asked` names: files of weights and of an adapter, or the folder of a
/// training, of a coordinator's run, of one of a simulation's runs or of what a client keeps. What
/// the model is comes from the files' descriptions, then from --config and the flags (`overrides`);
/// for weights that describe nothing, from `data` if it is not empty. Errors: kInvalidConfig for a
/// folder that is none of these, saying what was expected; kIncompatible for files that do not fit
/// each other.
Trained load_trained(const UseArguments& asked,
                     const std::string& data,
                     const std::function<void(ConfigReader&)>& overrides);

/// By which rules detections are to be judged, and what of them counts.
tasks::metrics::Protocol protocol_of(const UseArguments& asked);
tasks::JudgeOptions judge_options(const UseArguments& asked);

}  // namespace lorae::apps
