#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/client/agent.h"
#include "base/atomic_file.h"
#include "base/home.h"
#include "base/log.h"

namespace {

namespace fs = std::filesystem;
using namespace lorae;

/// Key files and data in client.toml are named relative to it, so that a kit can be moved.
void resolve_paths(apps::ClientOptions& options, const fs::path& folder) {
  for (std::string* path : {&options.coordinator_key, &options.key, &options.data}) {
    if (!path->empty() && fs::path(*path).is_relative()) {
      *path = (folder / *path).string();
    }
  }
}

int run(int argc, char** argv) {
  CLI::App app{
      "Takes part in federated rounds: trains LoRAE adapters on this device's private images.\n"
      "With a client.toml (made by 'lorae provision') beside it, it needs no flag."};
  std::string config;
  std::string home = default_home().string();
  std::vector<std::string> flags;
  bool print_config = false;
  const auto option = [&](const std::string& flag, const std::string& key,
                          const std::string& help) {
    app.add_option_function<std::string>(
        flag, [&flags, key](const std::string& value) { flags.push_back(key + "=" + value); },
        help);
  };
  app.add_option("--config", config, "configuration file; default: client.toml here, if any");
  app.add_option("--home", home, "keys and caches")->capture_default_str();
  option("--name", "name", "this client's name");
  option("--coordinator", "coordinator", "tcp://HOST:PORT");
  app.add_option_function<std::string>(
      "--data",
      [&flags](const std::string& folder) {
        flags.push_back("data=" + fs::absolute(folder).string());
      },
      "folder with private images");
  option("--partition", "partition", "take only a part of them, such as 3/20");
  // Not bound to the vector itself: CLI11 would replace what the flags above have put there.
  app.add_option_function<std::vector<std::string>>(
         "--set",
         [&flags](const std::vector<std::string>& all) {
           flags.insert(flags.end(), all.begin(), all.end());
         },
         "KEY=VALUE, overrides the file")
      ->allow_extra_args(false);
  app.add_flag("--print-config", print_config, "print the effective configuration and exit");
  CLI11_PARSE(app, argc, argv);

  if (config.empty() && fs::exists("client.toml")) {
    config = "client.toml";
  }
  ConfigReader reader = config.empty() ? ConfigReader{} : ConfigReader::load(config);
  for (const std::string& flag : flags) {
    reader.set(flag);
  }
  apps::ClientOptions options;
  reader.read("", options);
  reader.finish();
  if (print_config) {
    ConfigPrinter printer;
    printer.print("", options);
    std::fputs(printer.text().c_str(), stdout);
    return 0;
  }
  resolve_paths(options, config.empty() ? fs::path(".") : fs::path(config).parent_path());
  ensure_directory(home);
  const apps::Identity identity = apps::resolve_identity(options, home);
  const FileLock lock(fs::path(home) / (options.name + ".client.lock"), FileLock::Wait::kNo,
                      "is this client running already?");
  return static_cast<int>(apps::run_agent({options, identity, home}));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const lorae::Error& error) {
    std::fprintf(stderr, "lorae-client: %s\n", error.what());
    return lorae::exit_status(error.code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lorae-client: %s\n", error.what());
    return 70;
  }
}
