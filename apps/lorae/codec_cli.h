#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace lorae::apps {

/// Adds `codec bench`.
void add_codec_commands(CLI::App& app);

}  // namespace lorae::apps
