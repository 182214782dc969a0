#include <CLI/CLI.hpp>

#include "apps/common/command_line.h"
#include "apps/common/main_of.h"
#include "apps/common/output.h"
#include "apps/lorae/codec_cli.h"
#include "apps/lorae/commands.h"
#include "apps/lorae/data_cli.h"
#include "apps/lorae/model_cli.h"
#include "apps/lorae/plain_words.h"
#include "apps/lorae/sweep_commands.h"
#include "apps/lorae/train_cli.h"

namespace {

using namespace lorae;

void add_provision(CLI::App& app) {
  struct Arguments {
    apps::ProvisionOptions options;
    std::vector<std::string> more;
  };
  const auto asked = std::make_shared<Arguments>();
  apps::ProvisionOptions& options = asked->options;
  auto* provision =
      app.add_subcommand("provision", "write ready folders for a coordinator and its devices");
  provision->add_option("--out", options.out, "new folder; with --add: the kit")->required();
  auto* clients = provision->add_option("--clients", options.clients, "names, separated by commas")
                      ->delimiter(',');
  auto* coordinator = provision->add_option("--coordinator", options.coordinator,
                                            "tcp://HOST:PORT; with --add: as the kit has it");
  auto* add =
      provision->add_option("--add", asked->more, "names of more devices for a kit that there is")
          ->delimiter(',')
          ->excludes(clients);
  provision->callback([asked, clients, coordinator, add] {
    if (add->count() > 0) {
      asked->options.clients = asked->more;
      apps::add_to_kit(asked->options);
      return;
    }
    for (const CLI::Option* needed : {clients, coordinator}) {
      if (needed->count() == 0) {
        throw CLI::RequiredError(needed->get_name());
      }
    }
    apps::provision(asked->options);
  });
}

void add_keygen(CLI::App& app) {
  struct Arguments {
    std::string name;
    std::string folder = ".";
  };
  const auto asked = std::make_shared<Arguments>();
  auto* keygen = app.add_subcommand("keygen", "make a key pair: NAME.key (secret) and NAME.pub");
  keygen->add_option("NAME", asked->name)->required();
  keygen->add_option("--out", asked->folder, "folder")->capture_default_str();
  keygen->callback([asked] { apps::keygen(asked->name, asked->folder); });
}

/// What `enrol` and `revoke` were asked; each has its own.
struct RegistryArguments {
  explicit RegistryArguments(CLI::App& command) : home(command, "of the coordinator") {}

  apps::HomeChoice choice() const { return {home.folder(), home.given()}; }

  std::string name;
  std::string key;
  apps::HomeFlag home;
};

void add_enrol(CLI::App& app) {
  auto* enrol = app.add_subcommand("enrol", "let a client in");
  const auto asked = std::make_shared<RegistryArguments>(*enrol);
  enrol->add_option("NAME", asked->name)->required();
  enrol
      ->add_option("KEY", asked->key,
                   "its public key, 40 characters in '...', or the path of its .pub file")
      ->required();
  enrol->callback([asked] {
    apps::enrol(asked->choice(), apps::plain_word(asked->name), apps::plain_word(asked->key));
  });
}

void add_revoke(CLI::App& app) {
  auto* revoke = app.add_subcommand("revoke", "let a client in no more");
  const auto asked = std::make_shared<RegistryArguments>(*revoke);
  revoke->add_option("NAME", asked->name)->required();
  revoke->callback([asked] { apps::revoke(asked->choice(), apps::plain_word(asked->name)); });
}

void add_report(CLI::App& app) {
  struct Arguments {
    std::vector<std::string> folders;
    std::string out;
  };
  const auto asked = std::make_shared<Arguments>();
  auto* report = app.add_subcommand("report", "write report.html of what lies in a folder");
  report
      ->add_option("DIR", asked->folders,
                   "of lorae-simulate, of lorae train, or of a coordinator's run; several of "
                   "lorae-simulate become one comparison")
      ->required();
  report->add_option("--out", asked->out, "folder for the report; default: DIR");
  report->callback([asked] {
    apps::write_reports({asked->folders.begin(), asked->folders.end()}, asked->out);
  });
}

void add_runs(CLI::App& app) {
  struct Arguments {
    explicit Arguments(CLI::App& command) : home(command, "of the coordinator") {}

    std::string run;
    bool as_json = false;
    apps::HomeFlag home;
  };
  auto* runs = app.add_subcommand("runs", "list a coordinator's runs");
  const auto listed = std::make_shared<Arguments>(*runs);
  runs->add_flag("--json", listed->as_json, "one JSON object per run");
  runs->callback([listed] { apps::list_runs(listed->home.folder(), listed->as_json); });

  auto* status = app.add_subcommand("status", "say where a coordinator's run is");
  const auto asked = std::make_shared<Arguments>(*status);
  status->add_option("RUN", asked->run,
                     "its folder, or its name among the home's; default: the newest");
  status->add_flag("--json", asked->as_json, "one JSON object");
  status->callback(
      [asked] { apps::show_status(asked->home.folder(), asked->run, asked->as_json); });
}

void add_ledger(CLI::App& app) {
  struct Arguments {
    std::string run, format = "table";
    std::vector<std::string> by = {"direction"};
  };
  const auto asked = std::make_shared<Arguments>();
  auto* ledger = app.add_subcommand("ledger", "say what a run has sent, byte by byte");
  ledger->add_option("RUN", asked->run, "folder of a run")->required();
  ledger
      ->add_option("--by", asked->by,
                   "layer, stage, direction, round, client, joined by commas: a row for each")
      ->delimiter(',')
      ->capture_default_str();
  ledger->add_option("--format", asked->format)
      ->check(CLI::IsMember({"table", "csv", "json"}))
      ->capture_default_str();
  ledger->callback([asked] { apps::print_ledger(asked->run, asked->by, asked->format); });
}

void add_aggregate(CLI::App& app) {
  struct Arguments {
    std::string run;
    experiment::ReplayOptions options;
    bool as_json = false;
  };
  const auto asked = std::make_shared<Arguments>();
  auto* aggregate = app.add_subcommand(
      "aggregate", "aggregate the updates of a run with federation.keep_updates again");
  aggregate->add_option("RUN", asked->run, "folder of a run")->required();
  aggregate->add_option("--rule", asked->options.rule, "another one than the run's");
  aggregate->add_option("--server", asked->options.server,
                        "another server optimiser than the run's, without moments");
  aggregate->add_option("--shuffle", asked->options.shuffle, "seed of the order of the updates");
  aggregate
      ->add_option("--parts", asked->options.parts, "that are summed by themselves, then merged")
      ->capture_default_str();
  aggregate->add_flag("--json", asked->as_json, "one JSON object");
  aggregate->callback(
      [asked] { apps::aggregate_again(asked->run, asked->options, asked->as_json); });
}

void add_digest(CLI::App& app) {
  const auto path = std::make_shared<std::string>();
  auto* digest =
      app.add_subcommand("digest", "print the digest of a file's tensors, the same everywhere");
  digest->add_option("FILE", *path, "safetensors")->required();
  digest->callback([path] { apps::print_digest(*path); });
}

int run(int argc, char** argv) {
  CLI::App app{"Tools around federated LoRAE training."};
  app.require_subcommand(1);
  add_provision(app);
  add_keygen(app);
  add_enrol(app);
  add_revoke(app);
  add_report(app);
  add_runs(app);
  add_ledger(app);
  add_aggregate(app);
  add_digest(app);
  apps::add_train_commands(app);
  apps::add_sweep_command(app);
  apps::add_data_commands(app);
  apps::add_model_commands(app);
  apps::add_codec_commands(app);
  return apps::parse(app, apps::mark_plain_words({argv, argv + argc})).value_or(0);
}

}  // namespace

int main(int argc, char** argv) {
  return lorae::apps::main_of("lorae", [&] { return run(argc, argv); });
}
