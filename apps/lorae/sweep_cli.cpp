#include <CLI/CLI.hpp>
#include <memory>

#include "apps/common/command_line.h"
#include "apps/lorae/sweep_commands.h"

namespace lorae::apps {
namespace {

struct Asked {
  explicit Asked(CLI::App& command) : overrides(command) {}

  SweepArguments arguments;
  ConfigFlags overrides;
};

}  // namespace

void add_sweep_command(CLI::App& app) {
  auto* sweep = app.add_subcommand(
      "sweep", "train models x kinds x ranks x seeds, beside the paper's tables");
  const auto asked = std::make_shared<Asked>(*sweep);
  SweepArguments& to = asked->arguments;
  sweep->add_option("CONFIG", to.config, "TOML, such as configs/paper/detection.toml")->required();
  sweep->add_option("--data", to.data, "folder in which the data sets and weights lie");
  sweep->add_option("--out", to.out, "folder for trainings and tables; default: sweep-NAME");
  sweep->add_option("--only", to.only, "table; may be repeated");
  asked->overrides.text("--device", "device", "auto, cpu or cuda:N");
  asked->overrides.settings("KEY=VALUE of every training, as lorae train has them");
  sweep->add_flag("--skip-missing", to.skip_missing, "leave data sets that are not there not run");
  sweep->add_flag("--dry-run", to.dry_run, "count what would be trained; needs no data");
  sweep->add_flag("--json", to.as_json, "end with one JSON object");
  sweep->callback([asked] {
    const int status = run_sweep(asked->arguments,
                                 [asked](ConfigReader& reader) { asked->overrides.apply(reader); });
    if (status != 0) {
      throw CLI::RuntimeError(status);
    }
  });
}

}  // namespace lorae::apps
