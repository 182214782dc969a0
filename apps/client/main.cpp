#include <CLI/CLI.hpp>

#include "apps/client/agent.h"
#include "apps/common/command_line.h"
#include "apps/common/main_of.h"
#include "apps/common/output.h"
#include "base/atomic_file.h"

namespace lorae::apps {
namespace {

namespace fs = std::filesystem;

/// Key files and data in client.toml are named relative to it, so that a kit can be moved.
void resolve_paths(ClientOptions& options, const fs::path& folder) {
  for (std::string* path : {&options.coordinator_key, &options.key, &options.data}) {
    if (!path->empty() && fs::path(*path).is_relative()) {
      *path = (folder / *path).string();
    }
  }
}

int program(int argc, char** argv) {
  CLI::App app{
      "Takes part in federated rounds: trains LoRAE adapters on this device's private images.\n"
      "With a client.toml (made by 'lorae provision') beside it, it needs no flag."};
  std::string config;
  bool print_config = false;
  ConfigFlags flags(app);
  app.add_option("--config", config, "configuration file; default: client.toml here, if any");
  const HomeFlag home_flag(app, "keys and caches");
  flags.text("--name", "name", "this client's name");
  flags.text("--coordinator", "coordinator", "tcp://HOST:PORT");
  flags.text("--data", "data", "folder with private images",
             [](const std::string& folder) { return fs::absolute(folder).string(); });
  flags.text("--partition", "partition", "take only a part of them, such as 3/20");
  flags.text("--device", "device", "auto, cpu or cuda:N");
  flags.settings();
  app.add_flag("--print-config", print_config, "print the effective configuration and exit");
  if (const auto end = parse(app, argc, argv)) {
    return *end;
  }

  std::error_code unknown;  // of a folder that may not be searched
  if (config.empty() && fs::exists("client.toml", unknown)) {
    config = "client.toml";
  }
  ConfigReader reader = config.empty() ? ConfigReader{} : ConfigReader::load(config);
  flags.apply(reader);
  ClientOptions options;
  reader.read("", options);
  reader.finish();
  if (print_config) {
    ConfigPrinter printer;
    printer.print("", options);
    say("{}", printer.text());
    return 0;
  }
  // What comes from a pipe has no folder but ours.
  resolve_paths(options,
                fs::is_regular_file(config, unknown) ? fs::path(config).parent_path() : ".");
  const fs::path home = home_flag.folder();
  ensure_home(home);
  const Identity identity = resolve_identity(options, home);
  const FileLock lock(home / (options.name + ".client.lock"), FileLock::Wait::kNo,
                      "is this client running already?");
  return run_agent({options, identity, home});
}

}  // namespace
}  // namespace lorae::apps

int main(int argc, char** argv) {
  return lorae::apps::main_of("lorae-client", [&] { return lorae::apps::program(argc, argv); });
}
