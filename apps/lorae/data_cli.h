#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace lorae::apps {

/// Adds `data`: what can be said of a data set without a model.
void add_data_commands(CLI::App& app);

}  // namespace lorae::apps
