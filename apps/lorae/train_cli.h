#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace lorae::apps {

/// Adds `train`, `val` and `predict`: one model on one machine.
void add_train_commands(CLI::App& app);

}  // namespace lorae::apps
