#include <fmt/chrono.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>

#include "apps/common/command_line.h"
#include "apps/common/main_of.h"
#include "apps/common/output.h"
#include "apps/common/table.h"
#include "base/atomic_file.h"
#include "base/text.h"
#include "runs/run_directory.h"
#include "simulation/compare.h"

namespace {

namespace fs = std::filesystem;
using namespace lorae;

/// "simulations/quickstart-20260102-030405" in the working folder, made now and for us alone: "-2"
/// and so on tells simulations apart that begin in one second.
fs::path new_out(const fs::path& config) {
  const fs::path folder = "simulations";
  ensure_directory(folder);
  const std::string name =
      fmt::format("{}-{:%Y%m%d-%H%M%S}", config.stem().string(), fmt::gmtime(std::time(nullptr)));
  fs::path out = folder / name;
  for (int next = 2; !fs::create_directory(out); ++next) {
    out = folder / str(name, '-', next);
  }
  return out;
}

int run(int argc, char** argv) {
  CLI::App app{
      "Runs virtual clients through the same rounds as a deployment, once per method and seed of\n"
      "the configuration, and compares accuracy and bytes."};
  std::string config;
  std::string out;
  std::vector<std::string> methods;
  bool resume = false;
  bool print_config = false;
  app.add_option("CONFIG", config, "TOML file; see configs/")->required();
  apps::ConfigFlags overrides(app);
  overrides.text("--device", "device", "auto, cpu, cuda:N, or several: cuda:0,cuda:1");
  overrides.settings();
  app.add_option("--method", methods, "only this method of the file; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--out", out, "folder for results; default: simulations/NAME-TIME");
  const apps::HomeFlag home_flag(app, "cached backbones");
  app.add_flag("--resume", resume, "go on with what --out holds");
  app.add_flag("--print-config", print_config, "print the effective configuration and exit");
  if (const auto end = apps::parse(app, argc, argv)) {
    return *end;
  }

  experiment::RunConfig run_config =
      experiment::load_run_config(config, [&](ConfigReader& reader) { overrides.apply(reader); });
  experiment::check_baseline(run_config);
  if (!methods.empty()) {
    std::vector<experiment::MethodConfig> chosen;
    for (const std::string& name : methods) {
      if (std::ranges::find(chosen, name, &experiment::MethodConfig::name) == chosen.end()) {
        chosen.push_back(experiment::find_method(run_config, name));
      }
    }
    run_config.methods = std::move(chosen);
  }
  if (print_config) {
    apps::say("{}", experiment::print_run_config(run_config));
    return 0;
  }
  check(!resume || !out.empty(), ErrorCode::kInvalidConfig,
        "[simulate] --resume needs --out, the folder to go on with");
  open_devices(run_config.compute);  // a mistake there is told before a folder is made
  const fs::path home = home_flag.folder();
  ensure_home(home);
  if (!out.empty()) {
    apps::expect_own_folder(out, runs::kConfigFile, "a simulation");
  }
  const fs::path folder = out.empty() ? new_out(config) : fs::path(out);
  apps::set_interrupt_hint(str("finished rounds are in ", folder.string(),
                               "; go on with the same command and --resume --out ",
                               shell_quoted(folder.string())));
  const report::Comparison comparison = simulation::simulate({run_config, home, folder, resume});
  apps::say("{}\nreport      {}\ncomparison  {}\n",
            report::comparison_table(comparison, apps::output_columns()),
            fs::absolute(folder / "report.html").string(),
            fs::absolute(folder / "comparison.json").string());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return lorae::apps::main_of("lorae-simulate", [&] { return run(argc, argv); });
}
