#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/lorae/commands.h"
#include "apps/lorae/model_cli.h"
#include "base/error.h"
#include "base/home.h"
#include "simulation/compare.h"

namespace {

using namespace lorae;

void add_key_commands(CLI::App& app, std::string& home) {
  static std::string name;
  static std::string key;
  static std::string folder = ".";
  auto* keygen = app.add_subcommand("keygen", "make a key pair: NAME.key (secret) and NAME.pub");
  keygen->add_option("NAME", name)->required();
  keygen->add_option("--out", folder, "folder")->capture_default_str();
  keygen->callback([] { apps::keygen(name, folder); });

  auto* enrol = app.add_subcommand("enrol", "let a client in");
  enrol->add_option("NAME", name)->required();
  enrol->add_option("PUBLIC_KEY", key, "40 characters, in quotes")->required();
  enrol->add_option("--home", home, "of the coordinator")->capture_default_str();
  enrol->callback([&home] { apps::enrol(home, name, key); });

  auto* revoke = app.add_subcommand("revoke", "let a client in no more");
  revoke->add_option("NAME", name)->required();
  revoke->add_option("--home", home, "of the coordinator")->capture_default_str();
  revoke->callback([&home] { apps::revoke(home, name); });
}

void add_provision(CLI::App& app) {
  static apps::ProvisionOptions options;
  auto* provision =
      app.add_subcommand("provision", "write ready folders for a coordinator and its devices");
  provision->add_option("--out", options.out, "new folder")->required();
  provision->add_option("--clients", options.clients, "names, separated by commas")
      ->delimiter(',')
      ->required();
  provision->add_option("--coordinator", options.coordinator, "tcp://HOST:PORT")->required();
  provision->callback([] { apps::provision(options); });
}

void add_file_commands(CLI::App& app) {
  static std::string path;
  auto* report =
      app.add_subcommand("report", "write a simulation's results again from its journals");
  report->add_option("DIR", path, "the --out of lorae-simulate")->required();
  report->callback([] {
    const report::Comparison comparison = simulation::rebuild_results(path);
    std::printf("%s\nreport  %s/report.html\n", report::comparison_table(comparison).c_str(),
                path.c_str());
  });
  auto* digest =
      app.add_subcommand("digest", "print the digest of a file's tensors, the same everywhere");
  digest->add_option("FILE", path, "safetensors")->required();
  digest->callback([] { apps::print_digest(path); });
}

}  // namespace

int main(int argc, char** argv) {
  try {
    CLI::App app{"Tools around federated LoRAE training."};
    app.require_subcommand(1);
    std::string home = default_home().string();
    add_provision(app);
    add_key_commands(app, home);
    add_file_commands(app);
    apps::add_model_commands(app);
    CLI11_PARSE(app, argc, argv);
    return 0;
  } catch (const lorae::Error& error) {
    std::fprintf(stderr, "lorae: %s\n", error.what());
    return lorae::exit_status(error.code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lorae: %s\n", error.what());
    return 70;
  }
}
