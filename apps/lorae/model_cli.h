#pragma once

namespace CLI {
class App;
}

namespace lorae::apps {

/// Adds `models`, `params`, `forward`, `weights` and `adapter`.
void add_model_commands(CLI::App& app);

}  // namespace lorae::apps
