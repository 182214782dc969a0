#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "apps/lorae/train_commands.h"
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

  /// Its number, where classes have no names.
  std::string class_name(std::int64_t label) const;
};

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
