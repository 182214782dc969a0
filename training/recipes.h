#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lorae::training {

/// The names of the recipes: "default" and the paper's.
std::vector<std::string_view> recipe_names();

/// A recipe's keys as TOML, for one of tasks::task_names(). What a person gives goes first.
/// Source: the LoRAE paper, table 1; what it leaves open is Ultralytics' default.
/// Errors: kInvalidConfig for a recipe that is not for the task.
std::string recipe_text(const std::string& recipe, const std::string& task);

}  // namespace lorae::training
