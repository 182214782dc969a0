#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "apps/client/agent.h"
#include "apps/common/flags.h"
#include "apps/common/main_of.h"
#include "base/atomic_file.h"
#include "base/home.h"

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
  std::string home = default_home().string();
  bool print_config = false;
  ConfigFlags flags(app);
  app.add_option("--config", config, "configuration file; default: client.toml here, if any");
  app.add_option("--home", home, "keys and caches")->capture_default_str();
  flags.text("--name", "name", "this client's name");
  flags.text("--coordinator", "coordinator", "tcp://HOST:PORT");
  flags.text("--data", "data", "folder with private images",
             [](const std::string& folder) { return fs::absolute(folder).string(); });
  flags.text("--partition", "partition", "take only a part of them, such as 3/20");
  flags.text("--device", "device", "auto, cpu or cuda:N");
  flags.settings();
  app.add_flag("--print-config", print_config, "print the effective configuration and exit");
  CLI11_PARSE(app, argc, argv);

  if (config.empty() && fs::exists("client.toml")) {
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
    fmt::print("{}", printer.text());
    return 0;
  }
  resolve_paths(options, config.empty() ? fs::path(".") : fs::path(config).parent_path());
  ensure_directory(home);
  const Identity identity = resolve_identity(options, home);
  const FileLock lock(fs::path(home) / (options.name + ".client.lock"), FileLock::Wait::kNo,
                      "is this client running already?");
  return run_agent({options, identity, home});
}

}  // namespace
}  // namespace lorae::apps

int main(int argc, char** argv) {
  return lorae::apps::main_of("lorae-client", [&] { return lorae::apps::program(argc, argv); });
}
