#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace lorae::apps {

/// Each adds a command below `lorae data`, a file each.
void add_check_command(CLI::App& data);
void add_convert_command(CLI::App& data);
void add_scenes_command(CLI::App& data);
void add_show_command(CLI::App& data);

}  // namespace lorae::apps
