#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/commands.h"
#include "apps/model_commands.h"
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
    const runs::Comparison comparison = simulation::rebuild_results(path);
    std::printf("%s\nreport  %s/report.html\n", runs::comparison_table(comparison).c_str(),
                path.c_str());
  });
  auto* digest =
      app.add_subcommand("digest", "print the digest of a file's tensors, the same everywhere");
  digest->add_option("FILE", path, "safetensors")->required();
  digest->callback([] { apps::print_digest(path); });
}

void add_model_choice(CLI::App* command, apps::ModelChoice& choice) {
  command->add_option("--classes", choice.classes, "outputs of the head")->capture_default_str();
  command->add_option("--channels", choice.channels, "of an image")->capture_default_str();
  command->add_option("--stem", choice.stem, "of a ResNet: standard, or small for small images")
      ->check(CLI::IsMember({"standard", "small"}))
      ->capture_default_str();
}

void add_model_commands(CLI::App& app) {
  static bool as_json = false;
  auto* models = app.add_subcommand("models", "list the models that we can build");
  models->add_flag("--json", as_json, "as a JSON array");
  models->callback([] { apps::print_models(as_json); });

  static apps::ModelChoice choice;
  static std::int64_t rank = 8;
  static bool paper = false;
  auto* params = app.add_subcommand("params", "count parameters, with LoRAE and without");
  params->add_option("MODEL", choice.name, "see: lorae models");
  add_model_choice(params, choice);
  params->add_option("--rank", rank, "of the adapters")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  params->add_flag("--json", as_json, "one JSON object");
  params->add_flag("--paper", paper, "the paper's tables beside ours, instead of one model");
  params->callback([params] {
    if (paper) {
      apps::print_paper_params();
      return;
    }
    if (choice.name.empty()) {
      throw CLI::RequiredError(params->get_display_name() + ": MODEL, or --paper");
    }
    apps::print_params(choice, rank, as_json);
  });

  static apps::ForwardOptions options;
  static std::string type = "float32";
  auto* forward = app.add_subcommand("forward", "run a model once on a tensor from a file");
  forward->add_option("--model", options.model.name, "see: lorae models")->required();
  add_model_choice(forward, options.model);
  forward->add_option("--weights", options.weights, "safetensors")->required();
  forward->add_option("--input", options.input, "safetensors with a tensor 'input'")->required();
  forward->add_option("--output", options.output, "safetensors to write")->required();
  forward->add_option("--adapter", options.adapter, "safetensors of an adapter");
  forward->add_flag("--fused", options.fused, "merge the adapter into the weights first");
  forward->add_option("--dtype", type, "to compute in")
      ->check(CLI::IsMember({"float32", "float64"}))
      ->capture_default_str();
  forward->add_flag("--intermediate", options.intermediate, "write named layers' results too");
  forward->callback([] {
    options.float64 = type == "float64";
    apps::run_forward(options);
  });
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
    add_model_commands(app);
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
